import { mkdirSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exec } from '../../src/exec.ts'
import { describeGithub } from '../fixtures/github/gh.ts'
import { type Person, personOf } from '../fixtures/github/person.ts'
import { type LoopbackGithub, startGithub } from '../fixtures/github/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const MERGE = { method: 'merge' } as const

describeGithub('forge github', () => {
  let github: LoopbackGithub
  let person: Person
  beforeAll(async () => {
    github = await startGithub()
  })
  afterAll(() => github.close())
  beforeEach(async () => {
    github.faults.clear()
    person = await personOf(github)
  })

  const request = (head: string, base = 'main') => ({
    head,
    base,
    title: `Do ${head}`,
    body: 'Why\n\nand how',
  })
  const pulls = () => github.repository(person.fullName).pulls

  async function opened(head: string) {
    const commit = await person.branch(head)
    await person.forge.push(person.repo, head)
    const { pullRequest } = await person.forge.open(person.repo, request(head))
    return { commit, number: pullRequest.number, pullRequest }
  }

  describe('opening', () => {
    test('shows what was asked for, and by whom', async () => {
      const { commit, pullRequest } = await opened('topic')
      expect(pullRequest).toEqual({
        ...request('topic'),
        forge: 'github',
        number: 1,
        url: `http://github.localhost/${person.fullName}/pull/1`,
        state: 'open',
        headCommit: commit,
        author: 'sam',
        createdAt: expect.any(Number),
      })
      expect(Math.abs(Date.now() - pullRequest.createdAt)).toBeLessThan(60_000)
    })

    test.each(['cut-after', 'server-error'] as const)('%s while creating: one pull request', async (kind) => {
      await person.branch('topic')
      await person.forge.push(person.repo, 'topic')
      github.faults.add({ kind, on: /^POST .*\/pulls$/ })
      const first = await person.forge.open(person.repo, request('topic')).catch((error: unknown) => error)
      if (kind === 'cut-after') expect(first).toMatchObject({ pullRequest: { number: 1 }, created: true })
      else expect(first).toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
      const again = await person.forge.open(person.repo, request('topic'))
      expect(again).toMatchObject({ pullRequest: { number: 1 }, created: kind === 'server-error' })
      expect(pulls()).toHaveLength(1)
    })

    test('the answer and the looking again are lost: found at the next call', async () => {
      await person.branch('topic')
      await person.forge.push(person.repo, 'topic')
      await person.forge.find(person.repo, 'topic')
      github.faults.add({ kind: 'cut-after', on: /^POST .*\/pulls$/ })
      github.faults.add({ kind: 'cut-before', on: /^GET .*\/pulls$/, skip: 1 })
      const opening = person.forge.open(person.repo, request('topic'))
      await expect(opening).rejects.toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
      expect(pulls()).toHaveLength(1)
      const again = await person.forge.open(person.repo, request('topic'))
      expect(again).toMatchObject({ created: false, pullRequest: { number: 1 } })
      expect(pulls()).toHaveLength(1)
    })

    test('two daemons at once: one pull request', async () => {
      await person.branch('topic')
      await person.forge.push(person.repo, 'topic')
      const other = person.forgeWith({})
      // both have looked and seen none before the first one asks
      github.faults.add({ kind: 'slow', on: /^POST .*\/pulls$/, times: 2, delayMs: 500 })
      const both = await Promise.all(
        [person.forge, other].map((forge) => forge.open(person.repo, request('topic'))),
      )
      expect(both.map((it) => it.pullRequest.number)).toEqual([1, 1])
      expect(both.map((it) => it.created).sort()).toEqual([false, true])
      expect(pulls()).toHaveLength(1)
    })

    test('one that goes to another base is the one that the branch has', async () => {
      await person.branch('other-base')
      await person.forge.push(person.repo, 'other-base')
      await person.branch('topic', { from: 'other-base' })
      await person.forge.push(person.repo, 'topic')
      await github.openPull(person.fullName, { head: 'topic', base: 'other-base', author: 'sam' })
      const found = await person.forge.open(person.repo, request('topic'))
      expect(found).toMatchObject({ created: false, pullRequest: { number: 1, base: 'other-base' } })
    })

    test("someone else's pull request is theirs to see", async () => {
      await person.branch('topic')
      await person.forge.push(person.repo, 'topic')
      await github.openPull(person.fullName, { head: 'topic', base: 'main', author: 'mallory' })
      const found = await person.forge.open(person.repo, request('topic'))
      expect(found).toMatchObject({ created: false, pullRequest: { author: 'mallory' } })
    })

    test('a branch that was not pushed', async () => {
      await person.branch('topic')
      await expect(person.forge.open(person.repo, request('topic'))).rejects.toMatchObject({
        code: 'E_NOT_FOUND',
        message: expect.stringContaining('topic'),
      })
      await person.forge.push(person.repo, 'topic')
      const elsewhere = person.forge.open(person.repo, request('topic', 'nowhere'))
      await expect(elsewhere).rejects.toMatchObject({
        code: 'E_NOT_FOUND',
        message: expect.stringContaining('nowhere'),
      })
    })

    test('a branch without a commit of its own is refused for good', async () => {
      await person.git(['branch', 'empty'])
      await person.forge.push(person.repo, 'empty')
      await expect(person.forge.open(person.repo, request('empty'))).rejects.toMatchObject({
        code: 'E_FORGE',
        message: expect.stringContaining('No commits between'),
        details: { retryable: false },
      })
    })
  })

  test('a diff that is too long for GitHub is made here', async () => {
    await person.branch('long', { content: 'line\n'.repeat(25_000) })
    await person.forge.push(person.repo, 'long')
    const { pullRequest } = await person.forge.open(person.repo, request('long'))
    const diff = await person.forgeWith({}).diff(person.repo, pullRequest.number)
    expect(diff).toMatch(/^diff --git a\/long.txt b\/long.txt/)
    expect(diff.split('\n').length).toBeGreaterThan(25_000)
  })

  describe('checks', () => {
    const check = (name: string, state: 'pending' | 'success' | 'failure', more = {}) =>
      github.setCheck(person.fullName, { name, state, commit: '', ...more })

    test('none', async () => {
      const { number } = await opened('topic')
      expect(await person.forge.checks(person.repo, number)).toEqual([])
    })

    test('runs and statuses; all count as required when none is', async () => {
      const { number, commit } = await opened('topic')
      check('build', 'pending', { commit })
      check('legacy', 'failure', { commit, kind: 'status', summary: 'two tests fail' })
      expect(await person.forge.checks(person.repo, number)).toEqual([
        { name: 'build', state: 'pending', required: true, commit, url: 'http://ci.localhost/build' },
        {
          name: 'legacy',
          state: 'failure',
          required: true,
          commit,
          summary: 'two tests fail',
          url: 'http://ci.localhost/legacy',
        },
      ])
    })

    test('only the required ones count when GitHub tells which; one not reported yet is pending', async () => {
      const { number, commit } = await opened('topic')
      check('build', 'success', { commit, required: true })
      check('style', 'failure', { commit })
      check('slow', 'success', { commit: 'of another commit', required: true })
      expect(await person.forge.checks(person.repo, number)).toMatchObject([
        { name: 'build', state: 'success', required: true },
        { name: 'style', state: 'failure', required: false },
        { name: 'slow', state: 'pending', required: true, commit },
      ])
    })

    test('more than a page of them', async () => {
      const { number, commit } = await opened('topic')
      for (let n = 0; n < 130; n++) check(`check ${n}`, 'success', { commit })
      expect(await person.forge.checks(person.repo, number)).toHaveLength(130)
    })

    test.each(['pending', 'failure'] as const)('a required one that is %s stops a merge', async (state) => {
      const { number, commit } = await opened('topic')
      check('build', state, { commit })
      const merging = person.forge.merge(person.repo, number, { ...MERGE, expectedHead: commit })
      await expect(merging).rejects.toMatchObject({
        code: 'E_CHECKS',
        message: expect.stringContaining('build'),
      })
      expect(pulls()[0]?.state).toBe('open')
    })
  })

  describe('merging', () => {
    test('another head than the expected one is refused, also when it moved a moment ago', async () => {
      const { number, commit } = await opened('topic')
      await person.branch('topic', { from: 'topic', file: 'more.txt' })
      await person.forge.push(person.repo, 'topic')
      const stale = person.forge.merge(person.repo, number, { ...MERGE, expectedHead: commit })
      await expect(stale).rejects.toMatchObject({ code: 'E_HEAD_MOVED' })
      expect(pulls()[0]?.state).toBe('open')
    })

    test('GitHub itself guards the head: 409', async () => {
      const { number, commit } = await opened('topic')
      github.faults.add({ kind: 'slow', on: /^PUT .*\/merge$/, delayMs: 1_500 })
      const merging = person.forge.merge(person.repo, number, { ...MERGE, expectedHead: commit })
      const refused = expect(merging).rejects.toMatchObject({
        code: 'E_HEAD_MOVED',
        message: expect.stringContaining('Head branch was modified'),
      })
      await expect.poll(() => github.requests.at(-1)).toMatch(/^PUT/)
      const moved = await person.branch('topic', { from: 'topic', file: 'more.txt' })
      await github.repository(person.fullName).git(['fetch', '--quiet', person.repo, '+topic:topic'])
      await refused
      expect(await person.forge.head(person.repo, 'topic')).toBe(moved)
    })

    test('a conflict is named as one', async () => {
      const ours = await opened('ours')
      await person.branch('theirs', { file: 'ours.txt', content: 'other words\n' })
      await person.forge.push(person.repo, 'theirs')
      const theirs = await person.forge.open(person.repo, request('theirs'))
      await person.forge.merge(person.repo, ours.number, { ...MERGE, expectedHead: ours.commit })
      const { number, headCommit } = theirs.pullRequest
      const merging = person.forge.merge(person.repo, number, { ...MERGE, expectedHead: headCommit })
      await expect(merging).rejects.toMatchObject({ code: 'E_CONFLICT' })
    })

    test('a lost answer to a merge: merged once, and its commit is known', async () => {
      const { number, commit } = await opened('topic')
      github.faults.add({ kind: 'cut-after', on: /^PUT .*\/merge$/ })
      const merged = await person.forge.merge(person.repo, number, { ...MERGE, expectedHead: commit })
      expect(merged.commit).toBe(pulls()[0]?.mergeCommit)
      const again = await person.forge.merge(person.repo, number, { ...MERGE, expectedHead: commit })
      expect(again.commit).toBe(merged.commit)
    })

    test("the person's own main stays; origin/main follows", async () => {
      const { number, commit } = await opened('topic')
      const before = await person.git(['rev-parse', 'main'])
      const message = 'Take topic\n\nbecause it is good'
      const merged = await person.forge.merge(person.repo, number, {
        ...MERGE,
        expectedHead: commit,
        message,
      })
      expect(merged.repository).toMatchObject({
        updated: false,
        message: expect.stringContaining('git pull'),
      })
      expect(await person.git(['rev-parse', 'main'])).toBe(before)
      expect(await person.git(['rev-parse', 'origin/main'])).toBe(merged.commit)
      expect(await person.git(['log', '-1', '--format=%B', 'origin/main'])).toBe(message)
    })
  })

  describe('what goes wrong', () => {
    test('no gh: how to install it', async () => {
      const { number } = await opened('topic')
      const withoutGh = person.forgeWith({ PATH: await pathWith('git') })
      await expect(withoutGh.get(person.repo, number)).rejects.toMatchObject({
        code: 'E_PROGRAM_MISSING',
        fix: expect.stringContaining('cli.github.com'),
      })
    })

    test('a wrong token, and none', async () => {
      for (const GH_TOKEN of ['wrong', '']) {
        const stranger = person.forgeWith({ GH_TOKEN })
        await expect(stranger.find(person.repo, 'topic')).rejects.toMatchObject({ code: 'E_FORGE_LOGIN' })
      }
    })

    test('the rate limit, with the time it ends; in GraphQL too', async () => {
      const { number } = await opened('topic')
      github.faults.add({ kind: 'rate-limit', times: 2 })
      for (const ask of [
        () => person.forge.get(person.repo, number),
        () => person.forge.checks(person.repo, number),
      ]) {
        const error = await ask().catch((it) => it)
        expect(error).toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
        expect(error.details.resetAt - Date.now()).toBeGreaterThan(1_700_000)
      }
      github.faults.add({ kind: 'secondary-limit' })
      const error = await person.forge.get(person.repo, number).catch((it) => it)
      expect(error.details.resetAt - Date.now()).toBeGreaterThan(50_000)
    })

    test('offline: every verb says so and may be tried again', async () => {
      await person.branch('topic')
      const nowhere = 'http://127.0.0.1:1'
      const proxies = { HTTP_PROXY: nowhere, http_proxy: nowhere, HTTPS_PROXY: nowhere, https_proxy: nowhere }
      const offline = person.forgeWith(proxies)
      const { repo } = person
      const verbs = [
        () => offline.base(repo, 'main'),
        () => offline.head(repo, 'topic'),
        () => offline.push(repo, 'topic'),
        () => offline.find(repo, 'topic'),
        () => offline.open(repo, request('topic')),
        () => offline.get(repo, 1),
        () => offline.checks(repo, 1),
      ]
      for (const verb of verbs)
        await expect(verb()).rejects.toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
    })

    test('a repository that GitHub does not know', async () => {
      await person.branch('topic')
      await person.git(['remote', 'set-url', 'origin', 'http://github.localhost/sam/nothing.git'])
      for (const verb of [person.forge.find, person.forge.head, person.forge.push])
        await expect(verb(person.repo, 'topic')).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
    })

    test('no origin, and one that is no GitHub', async () => {
      await person.git(['remote', 'set-url', 'origin', 'ext::sh -c touch% /tmp/never'])
      await expect(person.forge.push(person.repo, 'main')).rejects.toMatchObject({ code: 'E_INVALID' })
      await person.git(['remote', 'remove', 'origin'])
      await expect(person.forge.head(person.repo, 'main')).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
    })

    test('a page of something else in between', async () => {
      const scripted = temporaryDirectory()
      const answer =
        'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in to the Wi-Fi</html>'
      const program = `#!/bin/sh\nprintf '${answer.replaceAll('\r\n', '\\r\\n')}'\n`
      await writeProgram(join(scripted, 'gh'), program)
      const behindPortal = person.forgeWith({ PATH: `${scripted}:${github.env.PATH}` })
      await expect(behindPortal.find(person.repo, 'topic')).rejects.toMatchObject({
        code: 'E_FORGE',
        details: { retryable: true },
      })
    })
  })

  describe('the agent', () => {
    test('gets the host, no questions, and a token only when the person has one in the environment', async () => {
      const env = await person.forge.agentEnv(person.repo)
      expect(env).toMatchObject({
        GH_HOST: 'github.localhost',
        GH_TOKEN: 'token-of-sam',
        GH_PROMPT_DISABLED: '1',
        GIT_TERMINAL_PROMPT: '0',
      })
      const loggedInByFile = person.forgeWith({ GH_TOKEN: '' })
      expect(await loggedInByFile.agentEnv(person.repo)).not.toHaveProperty('GH_TOKEN')
    })

    test('opens its own with gh in a worktree, and Orch finds that one', async () => {
      const commit = await person.branch('agent-work')
      const worktree = join(temporaryDirectory(), 'work')
      await person.git(['worktree', 'add', '--quiet', worktree, 'agent-work'])
      const agent = { ...github.env, ...(await person.forge.agentEnv(person.repo)) }
      const run = (...argv: [string, ...string[]]) => exec(argv, { cwd: worktree, env: agent })
      expect(await run('git', 'push')).toMatchObject({ code: 0 })
      const words = ['--title', 'Mine', '--body', 'b', '--head', 'agent-work', '--base', 'main']
      expect(await run('gh', 'pr', 'create', ...words)).toMatchObject({ code: 0 })
      const found = await person.forge.open(person.repo, request('agent-work'))
      expect(found).toMatchObject({ created: false, pullRequest: { title: 'Mine', headCommit: commit } })
    })

    test('what it plants in the configuration of the repository does not run', async () => {
      const trap = join(temporaryDirectory(), 'sprung')
      const script = join(temporaryDirectory(), 'trap')
      await writeProgram(script, `#!/bin/sh\ntouch '${trap}'\nexit 1\n`)
      await person.branch('topic')
      const hooks = join(person.repo, '.git', 'hooks')
      mkdirSync(hooks, { recursive: true })
      for (const hook of ['pre-push', 'reference-transaction', 'post-checkout'])
        await writeProgram(join(hooks, hook), `#!/bin/sh\ntouch '${trap}'\n`)
      const settings = [
        'core.sshCommand',
        'core.fsmonitor',
        'credential.helper',
        'diff.external',
        'uploadpack.packObjectsHook',
      ]
      for (const name of settings) await person.git(['config', name, script])
      await person.git(['config', 'remote.origin.uploadpack', script])
      await person.git(['config', 'remote.origin.receivepack', script])
      await person.forge.push(person.repo, 'topic')
      await github.repository(person.fullName).git(['update-ref', 'refs/heads/main', 'refs/heads/topic'])
      const base = await person.forge.base(person.repo, 'main')
      expect(base).toBe(await person.git(['rev-parse', 'origin/main']))
      expect(await exec(['ls', trap], { env: github.env })).toMatchObject({ code: 2 })
    })
  })
})

async function writeProgram(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o755 })
}

/** A PATH that leads to these programs alone. */
async function pathWith(...programs: string[]): Promise<string> {
  const directory = temporaryDirectory()
  for (const program of programs) {
    const found = await exec(['sh', '-c', `command -v ${program}`], { env: { PATH: process.env.PATH ?? '' } })
    await symlink(found.stdout.trim(), join(directory, program))
  }
  return directory
}
