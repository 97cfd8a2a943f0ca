import { existsSync, readFileSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agent, type Orch, startOrch } from '../support/orch.ts'
import { makeRepository, manyFiles } from '../support/repository.ts'

let orch: Orch
beforeAll(async () => {
  orch = await startOrch()
})
afterAll(() => orch.close())

const command = (name: string, ...args: string[]) => ({
  driver: 'command',
  argv: [agent(name), ...args],
  description: `Let ${name} do it`,
})
const pulls = async (repo: string) =>
  (await orch.client.call('pulls', { query: { repo, forge: 'local' } })).pulls

describe('one request in, one proven pull request out', () => {
  it.each(['commits-and-pushes', 'commits-without-push', 'changes-without-commit'])('%s', async (name) => {
    const repository = await makeRepository({ commits: 2 })
    const before = await repository.git(['status', '--porcelain=v2', '--branch'])
    const [task] = await orch.finished((await orch.submit(repository.path, [command(name)])).id)

    expect(task).toMatchObject({ state: 'accepted', attempt: 1, pullRequest: { forge: 'local', number: 1 } })
    const [pull] = await pulls(repository.path)
    expect(pull).toMatchObject({
      state: 'open',
      head: task?.branch,
      base: 'main',
      headCommit: task?.proof?.head,
      taskId: task?.id,
    })
    expect(await repository.git(['rev-parse', `refs/heads/${task?.branch}`])).toBe(pull?.headCommit)
    expect(await repository.git(['status', '--porcelain=v2', '--branch'])).toBe(before)
    expect(task?.workspace).toBeUndefined()
  })

  it('leaves a result record, a log of the agent and a central log, readable by nobody else', async () => {
    const repository = await makeRepository()
    const [task] = await orch.finished(
      (await orch.submit(repository.path, [command('commits-without-push')])).id,
    )
    const record = JSON.parse(readFileSync(task?.result ?? '', 'utf8'))
    expect(record).toMatchObject({
      kind: 'result',
      status: 'accepted',
      pullRequest: { number: 1 },
      commits: 1,
      agent: task?.agent,
    })
    expect(record.filesChanged).toHaveLength(1)
    expect(record.durationMs).toBeGreaterThan(0)
    expect(readFileSync(task?.log ?? '', 'utf8')).not.toBe('')
    for (const file of [task?.result ?? '', task?.log ?? '', orch.paths.log, orch.paths.store])
      expect(statSync(file).mode & 0o077).toBe(0)
    expect(statSync(orch.stateDir).mode & 0o777).toBe(0o700)
  })

  it('brings a merge into the person’s clean checkout', async () => {
    const repository = await makeRepository()
    const [task] = await orch.finished(
      (await orch.submit(repository.path, [command('changes-without-commit')])).id,
    )
    const merged = await orch.client.call('merge', {
      params: { number: 1 },
      body: { repo: repository.path, forge: 'local' },
    })
    expect(merged.repository.updated).toBe(true)
    expect(await repository.git(['status', '--porcelain'])).toBe('')
    expect(await repository.git(['rev-parse', 'HEAD'])).toBe(merged.commit)
    for (const file of task?.proof?.filesChanged ?? [])
      expect(existsSync(join(repository.path, file))).toBe(true)
    const { removed } = await orch.client.call('cleanup', { body: {} })
    expect(removed).toContain(`branch ${task?.branch}`)
  })

  it('opens a pull request of a person’s own branch too', async () => {
    const repository = await makeRepository()
    await repository.git(['switch', '--quiet', '-c', 'mine'])
    const commit = await repository.commit({ 'mine.txt': 'mine\n' }, 'Mine')
    const body = { repo: repository.path, forge: 'local', head: 'mine', base: 'main', title: 'Mine' } as const
    const pull = await orch.client.call('openPull', { body })
    expect(pull).toMatchObject({ number: 1, headCommit: commit, state: 'open' })
    await orch.client.call('merge', {
      params: { number: 1 },
      body: { repo: repository.path, forge: 'local' },
    })
    expect(await repository.git(['show', 'main:mine.txt'])).toBe('mine')
  })

  it('five tasks at once, of five thousand files', async () => {
    const repository = await makeRepository({ files: manyFiles(5_000) })
    const run = await orch.submit(
      repository.path,
      Array.from({ length: 5 }, () => command('commits-without-push')),
    )
    const tasks = await orch.finished(run.id)
    expect(tasks.map((task) => task.state)).toEqual(Array(5).fill('accepted'))
    expect(new Set(tasks.map((task) => task.agent)).size).toBe(5)
    expect(await pulls(repository.path)).toHaveLength(5)
  })

  it('two repositories at once', async () => {
    const both = await Promise.all([makeRepository(), makeRepository({ name: 'other' })])
    const runs = await Promise.all(both.map((it) => orch.submit(it.path, [command('commits-without-push')])))
    for (const run of runs) expect((await orch.finished(run.id))[0]?.state).toBe('accepted')
    for (const { path } of both) expect(await pulls(path)).toHaveLength(1)
  })

  it('the process runtime does the same without tmux', async () => {
    const repository = await makeRepository()
    const run = await orch.submit(repository.path, [
      { ...command('commits-without-push'), runtime: 'process' },
    ])
    expect((await orch.finished(run.id))[0]?.state).toBe('accepted')
  })

  it('the same request twice is one run', async () => {
    const repository = await makeRepository()
    const body = {
      requestId: crypto.randomUUID(),
      repo: repository.path,
      tasks: [command('commits-without-push')],
    }
    const [first, second] = await Promise.all([
      orch.client.call('submit', { body }),
      orch.client.call('submit', { body }),
    ])
    expect(second.id).toBe(first.id)
    await orch.finished(first.id)
    expect(await pulls(repository.path)).toHaveLength(1)
  })
})

describe('what an agent gets', () => {
  it('a clean environment, the prompt, and variables of the caller that were handed on', async () => {
    const repository = await makeRepository()
    const run = await orch.submit(repository.path, [command('prints-its-environment')], {
      SECRET_FOR_AGENTS: 'hush',
    })
    const [task] = await orch.finished(run.id)
    const show = (file: string) => repository.git(['show', `${task?.branch}:${file}`])
    const environment = await show('environment.txt')
    expect(environment).toContain(`ORCH_TASK=${task?.id}`)
    expect(environment).toContain('SECRET_FOR_AGENTS=hush')
    expect(environment).not.toMatch(/^(TMUX|VITEST|ORCH_GRACE_SECONDS)=/m)
    expect(await show('input.txt')).toBe(await show('prompt.txt'))
    expect(await show('prompt.txt')).toContain('Let prints-its-environment do it')
    expect(readFileSync(orch.paths.log, 'utf8')).not.toContain('hush')
  })

  it('set-up steps and ports of its own', async () => {
    const repository = await makeRepository()
    await repository.write({
      '.env': 'KEY=1\n',
      '.gitignore': '.env\nmodules\nbuilt.txt\n',
      'modules/there.txt': 'yes\n',
      'agent.sh':
        '#!/bin/sh\ncat .env modules/there.txt built.txt >proof.txt\necho "$ORCH_PORT_1 $ORCH_PORT_2" >ports.txt\n',
      '.orch/config.yaml':
        'ports: 2\nsetup:\n  - copy: .env\n  - link: modules\n  - run: [sh, -c, "echo built >built.txt"]\n',
    })
    await chmod(join(repository.path, 'agent.sh'), 0o755)
    await repository.commit({}, 'Set up')
    const [task] = await orch.finished(
      (
        await orch.submit(repository.path, [
          { driver: 'command', argv: ['./agent.sh'], description: 'Use it' },
        ])
      ).id,
    )
    expect(task?.proof?.filesChanged).toEqual(['ports.txt', 'proof.txt'])
    expect(await repository.git(['show', `${task?.branch}:proof.txt`])).toBe('KEY=1\nyes\nbuilt')
    expect(await repository.git(['show', `${task?.branch}:ports.txt`])).toMatch(/^\d+ \d+$/)
  })

  it('a set-up step that fails ends the task with its output', async () => {
    const repository = await makeRepository()
    await repository.commit(
      { '.orch/config.yaml': 'setup:\n  - run: [sh, -c, "echo no network; exit 7"]\n' },
      'Set up',
    )
    const [task] = await orch.finished(
      (await orch.submit(repository.path, [command('commits-without-push')])).id,
    )
    expect(task).toMatchObject({
      state: 'dead',
      reason: { code: 'setup-failed', message: expect.stringMatching(/status 7[\s\S]*no network/) },
    })
  })
})

describe('checks of the local forge', () => {
  const withCheck = (run: string) => `checks:\n  test: { run: [sh, -c, ${JSON.stringify(run)}] }\n`
  it('green ones are part of the proof', async () => {
    const repository = await makeRepository()
    await repository.commit({ '.orch/config.yaml': withCheck('test -e README.md') }, 'Check')
    const [task] = await orch.finished(
      (await orch.submit(repository.path, [command('commits-without-push')])).id,
    )
    expect(task).toMatchObject({ state: 'accepted', proof: { checks: [{ name: 'test', state: 'success' }] } })
  })
  it('a red one refuses the task, with what it printed; one pull request whatever the tries', async () => {
    const repository = await makeRepository()
    await repository.commit({ '.orch/config.yaml': withCheck('echo it broke; exit 1') }, 'Check')
    const [task] = await orch.finished(
      (await orch.submit(repository.path, [{ ...command('commits-anew'), tries: 2 }])).id,
    )
    expect(task).toMatchObject({
      state: 'dead',
      used: 2,
      reason: { code: 'red-check', message: expect.stringContaining('it broke') },
    })
    expect(await pulls(repository.path)).toHaveLength(1)
  })
})
