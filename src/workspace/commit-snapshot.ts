import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Env } from '../exec.ts'
import type { Git } from '../git.ts'
import type { Desk } from './desk.ts'
import { identity } from './repository.ts'

/**
 * Makes a commit of a tree on top of what is checked out, without touching ref, index or hooks. A merge that was under
 * way becomes a merge commit, or the other branch's changes would look like the agent's.
 * @returns undefined when the tree holds nothing new
 */
export async function commitSnapshot(desk: Desk, tree: string, message: string): Promise<string | undefined> {
  const { git, head } = desk
  if (head && (await git(['rev-parse', `${head}^{tree}`])) === tree) return undefined
  const parents = [...(head ? [head] : []), ...(await mergedIn(desk.admin))]
  const args = parents.flatMap((parent) => ['-p', parent])
  return git(['-c', 'i18n.commitEncoding=UTF-8', 'commit-tree', '--no-gpg-sign', ...args, '-F', '-', tree], {
    input: `${message.replaceAll('\0', '').trim() || 'Work saved'}\n`,
    env: await author(git),
  })
}

async function mergedIn(admin: string | undefined): Promise<string[]> {
  const text = admin && (await readFile(join(admin, 'MERGE_HEAD'), 'utf8').catch(() => ''))
  return text ? text.split('\n').filter((line) => /^[0-9a-f]{40,64}$/.test(line)) : []
}

/** The person, whose repository it is; work is not lost because nobody is named. */
export async function author(git: Git): Promise<Env> {
  const { name, email } = await identity(git).catch(() => ({ name: 'Orch', email: 'orch@localhost' }))
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  }
}
