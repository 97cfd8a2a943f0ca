import { join } from 'node:path'
import { expect, test } from 'vitest'
import { localForge } from '../../../test/support/local-forge.ts'
import { sampleEnv } from '../../../test/support/repository.ts'
import { exec } from '../../exec.ts'

async function agentOf() {
  const it = await localForge({ commits: 3 })
  const base = await it.forge.base(it.repo, 'main')
  const env = { ...sampleEnv, ...(await it.forge.agentEnv(it.repo)) }
  const git = (...args: string[]) => exec(['git', ...args], { cwd: it.repo, env })
  return { it, base, git }
}

test('plain git push brings the branch to the forge, and leaves the person’s configuration and refs alone', async () => {
  const { it, git } = await agentOf()
  const commit = await it.branch('orch/topic')
  await it.git(['checkout', '-q', 'orch/topic'])
  await it.git(['config', 'push.autoSetupRemote', 'true'])
  const before = await Promise.all([it.git(['config', '--local', '--list']), it.git(['for-each-ref'])])
  const pushed = await git('push')
  expect(pushed).toMatchObject({ code: 0 })
  expect(await it.forge.head(it.repo, 'orch/topic')).toBe(commit)
  expect(await it.forge.push(it.repo, 'orch/topic')).toBe(commit)
  const after = await Promise.all([it.git(['config', '--local', '--list']), it.git(['for-each-ref'])])
  expect(after).toEqual(before)
})

test('a push sends only what is new', async () => {
  const { it, git } = await agentOf()
  await it.branch('topic')
  const pushed = await git('push', '--progress', 'orch', 'topic')
  expect(pushed.stderr).toMatch(/Writing objects: 100% \(3\/3\)/)
})

test('what no agent may do is refused: base branches, our refs, rewriting, deleting', async () => {
  const { it, base, git } = await agentOf()
  await it.branch('topic')
  await git('push', 'orch', 'topic')
  const commit = await it.forge.head(it.repo, 'topic')
  await it.branch('topic', { content: 'rewritten' })
  const pushes = ['topic:main', '+topic:main', ':main', 'topic:refs/orch/merge/1', '+topic:topic', ':topic']
  for (const refspec of pushes) expect((await git('push', 'orch', refspec)).code, refspec).not.toBe(0)
  expect(await it.forge.head(it.repo, 'main')).toBe(base)
  expect(await it.forge.head(it.repo, 'topic')).toBe(commit)
  expect((await git('ls-remote', 'orch', 'refs/orch/*')).stdout).toBe('')
})

test('hooks of the bare repository do not run, wherever they come from', async () => {
  const { it, git } = await agentOf()
  await it.branch('topic')
  expect(await it.remote(['config', 'core.hooksPath'])).toBe('/dev/null')
  expect(
    (await git('push', '--receive-pack', 'git-receive-pack', join(it.home, 'repo.git'), 'topic')).code,
  ).toBe(0)
})
