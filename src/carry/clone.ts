import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Git, gitError } from '../git.ts'
import type { RepositorySource } from '../task/task.ts'
import { SOURCE_FILE } from './names.ts'

/**
 * The repository of another host, as this one has it: a repository without files but those of `.orch`, in which worktrees are
 * made. Nobody works in it; its branches are those of the home host and of tasks.
 */

/** Makes it beside its place and renames it there. There already is no error. */
export async function makeClone(
  git: Git,
  path: string,
  source: RepositorySource,
  sha256: boolean,
): Promise<void> {
  if (existsSync(path)) return
  const fresh = await mkdtemp(join(dirname(path), '.new-'))
  try {
    const format = sha256 ? ['--object-format=sha256'] : []
    await git(['init', '--quiet', '--template=', ...format, fresh])
    const inside = git.in(fresh)
    await inside(['symbolic-ref', 'HEAD', 'refs/heads/orch-has-no-head'])
    const { author, url } = source
    if (author) {
      await inside(['config', 'user.name', author.name])
      await inside(['config', 'user.email', author.email])
    }
    if (url) await inside(['remote', 'add', 'origin', url])
    await writeFile(join(fresh, '.git', SOURCE_FILE), JSON.stringify(source), { mode: 0o600 })
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    if (!existsSync(path)) throw error // else another one made it at the same moment
  }
}

/** What was written into a clone. */
export async function readCloneSource(path: string): Promise<RepositorySource | undefined> {
  const text = await readFile(join(path, '.git', SOURCE_FILE), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as RepositorySource)
}

const SETTINGS = '.orch'

/** Settings and profiles as the commit tracks them. What is tracked nowhere is on the home host alone. */
export async function followSettings(git: Git, path: string, commit: string): Promise<void> {
  const inside = git.in(path)
  const note = join(path, '.git', 'orch-settings')
  const tree = (await inside.try(['rev-parse', '--verify', '--quiet', `${commit}:${SETTINGS}`])).stdout.trim()
  if ((await readFile(note, 'utf8').catch(() => '')) === tree) return
  await rm(join(path, SETTINGS), { recursive: true, force: true })
  const args = ['checkout', '--quiet', commit, '--', SETTINGS]
  const result = tree ? await inside.try(args) : undefined
  if (result && result.code !== 0) throw gitError(path, args, result)
  await writeFile(note, tree)
}
