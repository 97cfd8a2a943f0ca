import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeProgram } from '../../../test/fixtures/github/programs.ts'
import { onGithub, request } from '../../../test/fixtures/github/stage.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { exec } from '../../exec.ts'

const WHO = ['-c', 'user.name=Sam', '-c', 'user.email=sam@example.org']

onGithub('commits between the person and GitHub', (stage) => {
  test('a diff that is too long for GitHub is made here', async () => {
    await stage.pushed('long', { content: 'line\n'.repeat(25_000) })
    const { pullRequest } = await stage.person.forge.open(stage.person.repo, request('long'))
    const diff = await stage.person.forgeWith({}).diff(stage.person.repo, pullRequest.number)
    expect(diff).toMatch(/^diff --git a\/long.txt b\/long.txt/)
    expect(diff.split('\n').length).toBeGreaterThan(25_000)
  })

  test('only a base that moved is fetched into the repository, and under its lock', async () => {
    const { person, github } = stage
    const first = await person.forge.base(person.repo, 'main')
    expect(person.locked).toEqual([])
    await stage.pushed('topic')
    await github.repository(person.fullName).git(['update-ref', 'refs/heads/main', 'refs/heads/topic'])
    const worktree = join(temporaryDirectory(), 'work')
    await person.git(['worktree', 'add', '--quiet', '--detach', worktree])
    expect(await person.forge.base(worktree, 'main')).not.toBe(first)
    expect(person.locked).toEqual([join(person.repo, '.git')])
    await expect(person.forge.base(person.repo, 'nowhere')).rejects.toMatchObject({ code: 'E_NO_BASE' })
  })

  test('a shallow clone: base, push, compare', async () => {
    for (const n of [1, 2, 3]) await stage.person.sample.commit({ 'history.txt': `${n}\n` })
    await stage.person.git(['push', '--quiet', 'origin', 'main'])
    const url = await stage.person.git(['remote', 'get-url', 'origin'])
    const shallow = join(temporaryDirectory(), 'shallow')
    await stage.person.git(['clone', '--quiet', '--depth', '1', '--branch', 'main', url, shallow])
    const git = stage.person.git.in(shallow)
    await git(['checkout', '--quiet', '-b', 'topic'])
    await git([...WHO, 'commit', '--quiet', '--allow-empty', '-m', 'Work'])
    await stage.person.sample.commit({ 'later.txt': 'x' })
    await stage.person.git(['push', '--quiet', 'origin', 'main'])
    const base = await stage.person.forge.base(shallow, 'main')
    const commit = await stage.person.forge.push(shallow, 'topic')
    expect(base).toBe(await stage.person.sample.head())
    expect(await stage.person.forge.head(shallow, 'topic')).toBe(commit)
    expect(await stage.person.forge.compare(shallow, base, commit)).toMatchObject({ commits: 1, files: [] })
  })
})

onGithub('the agent of a task on GitHub', (stage) => {
  test('gets the host, no questions, and a token only when the person has one in the environment', async () => {
    const env = await stage.person.forge.agentEnv(stage.person.repo)
    expect(env).toMatchObject({
      GH_HOST: 'github.localhost',
      GH_TOKEN: 'token-of-sam',
      GH_PROMPT_DISABLED: '1',
      GIT_TERMINAL_PROMPT: '0',
    })
    const loggedInByFile = stage.person.forgeWith({ GH_TOKEN: '' })
    expect(await loggedInByFile.agentEnv(stage.person.repo)).not.toHaveProperty('GH_TOKEN')
  })

  test('opens its own with gh in a worktree, and Orch finds that one', async () => {
    const commit = await stage.person.branch('agent-work')
    const worktree = join(temporaryDirectory(), 'work')
    await stage.person.git(['worktree', 'add', '--quiet', worktree, 'agent-work'])
    const agent = { ...stage.github.env, ...(await stage.person.forge.agentEnv(stage.person.repo)) }
    const run = (...argv: [string, ...string[]]) => exec(argv, { cwd: worktree, env: agent })
    expect(await run('git', 'push')).toMatchObject({ code: 0 })
    const words = ['--title', 'Mine', '--body', 'b', '--head', 'agent-work', '--base', 'main']
    expect(await run('gh', 'pr', 'create', ...words)).toMatchObject({ code: 0 })
    const found = await stage.person.forge.open(stage.person.repo, request('agent-work'))
    expect(found).toMatchObject({ created: false, pullRequest: { title: 'Mine', headCommit: commit } })
  })

  test('what it plants in the configuration of the repository does not run', async () => {
    const trap = join(temporaryDirectory(), 'sprung')
    const script = join(temporaryDirectory(), 'trap')
    await writeProgram(script, `#!/bin/sh\ntouch '${trap}'\nexit 1\n`)
    await stage.person.branch('topic')
    const hooks = join(stage.person.repo, '.git', 'hooks')
    await mkdir(hooks, { recursive: true })
    for (const hook of ['pre-push', 'reference-transaction', 'post-checkout'])
      await writeProgram(join(hooks, hook), `#!/bin/sh\ntouch '${trap}'\n`)
    const settings = [
      'core.sshCommand',
      'core.fsmonitor',
      'credential.helper',
      'diff.external',
      'uploadpack.packObjectsHook',
    ]
    for (const name of settings) await stage.person.git(['config', name, script])
    await stage.person.git(['config', 'remote.origin.uploadpack', script])
    await stage.person.git(['config', 'remote.origin.receivepack', script])
    await stage.person.forge.push(stage.person.repo, 'topic')
    await stage.github
      .repository(stage.person.fullName)
      .git(['update-ref', 'refs/heads/main', 'refs/heads/topic'])
    const base = await stage.person.forge.base(stage.person.repo, 'main')
    expect(base).toBe(await stage.person.git(['rev-parse', 'origin/main']))
    expect(await exec(['ls', trap], { env: stage.github.env })).toMatchObject({ code: 2 })
  })
})
