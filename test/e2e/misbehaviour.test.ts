import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exec } from '../../src/exec.ts'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1' })
})
afterAll(() => orch.close())

const submit = async (name: string, more: object = {}, ...args: string[]) => {
  const { path, git } = await makeRepository()
  const run = await orch.submit(path, [
    { driver: 'command', argv: [agent(name), ...args], description: `Let ${name} do it`, ...more },
  ])
  return { run, id: run.tasks[0]?.id ?? '', git, path }
}
const logged = (id: string, words: string) =>
  until(`${words} in the log`, async () =>
    (await orch.client.call('log', { params: { id }, query: {} })).text.includes(words),
  )
/** Processes that carry the mark of an agent of this daemon. */
const marked = async (agentName: string) => {
  const { stdout } = await exec(['ps', 'axeww', '-o', 'pid=,stat=,command='], { env: orch.env })
  return stdout
    .split('\n')
    .filter((line) => line.includes(`ORCH_AGENT=${agentName}`) && !/^\s*\d+\s+Z/.test(line))
}

describe('agents that misbehave', () => {
  it('one that hangs is stopped at its time limit, and said so', async () => {
    const { run } = await submit('hangs', { wallMinutes: 1 / 60 })
    const [task] = await orch.finished(run.id)
    expect(task).toMatchObject({ state: 'dead', reason: { code: 'time-limit' } })
    expect(await marked(task?.agent ?? '')).toEqual([])
  })

  it('one that ignores TERM is killed when it is cancelled', async () => {
    const { id } = await submit('ignores-sigterm')
    await logged(id, 'ready')
    const task = await orch.client.call('cancel', { params: { id } })
    expect(task.state).toBe('cancelled')
    expect(await marked(task.agent ?? '')).toEqual([])
  })

  it('background processes do not outlive their agent', async () => {
    const { run } = await submit('leaves-background-process')
    const [task] = await orch.finished(run.id)
    expect(task?.reason?.code).toBe('no-commit')
    expect(await marked(task?.agent ?? '')).toEqual([])
  })

  it('a flood of 100 MB ends at the limit; the daemon answers all the while and the disk is spared', async () => {
    const { run, id } = await submit('floods', {}, '400')
    let worst = 0
    const [task] = await until(
      'the flood is over',
      async () => {
        const began = performance.now()
        await orch.client.call('health', {})
        worst = Math.max(worst, performance.now() - began)
        const now = await orch.task(id)
        return now.state === 'dead' && [now]
      },
      60_000,
    )
    expect(task?.reason?.code).toBe('output-limit')
    expect(worst).toBeLessThan(1_000)
    expect(statSync(task?.log ?? '').size).toBeLessThan(150_000_000)
    await orch.finished(run.id)
  })

  it('100 MB within the limit are taken over whole', async () => {
    const { run } = await submit('floods', {}, '100')
    const [task] = await orch.finished(run.id)
    expect(task?.reason?.code).toBe('no-commit')
    const printed = statSync(join(dirname(task?.log ?? ''), 'out.jsonl')).size
    expect(statSync(task?.log ?? '').size).toBe(printed + 1) // its last line had no end
  })

  it('one that deletes its own worktree has its commits counted all the same', async () => {
    const { run } = await submit('deletes-own-worktree')
    const [task] = await orch.finished(run.id)
    expect(task).toMatchObject({ state: 'accepted', pullRequest: { number: 1 } })
  })

  it('one that fails once succeeds at the second try, with what it had', async () => {
    const { run } = await submit('fails-once', { tries: 3 })
    const [task] = await orch.finished(run.id)
    expect(task).toMatchObject({ state: 'accepted', attempt: 2 })
    expect(task?.proof?.filesChanged).toEqual(['half.txt', 'work.txt'])
  })
})

describe('a person’s verbs', () => {
  it('cancel saves the work, retry begins anew with it', async () => {
    const { id, git, run } = await submit('writes-then-hangs')
    await logged(id, 'begun')
    const cancelled = await orch.client.call('cancel', { params: { id } })
    expect(await git(['show', `${cancelled.branch}:half-done.txt`])).toBe('half of the work')
    await orch.client.call('retry', { params: { id } })
    const [task] = await orch.finished(run.id)
    expect(task).toMatchObject({ state: 'accepted', attempt: 2 })
  })

  it('say to a command is refused, cancel of what ended too, and nothing changes', async () => {
    const { id, run } = await submit('hangs')
    await logged(id, 'ready')
    await expect(orch.client.call('say', { params: { id }, body: { text: 'hello' } })).rejects.toMatchObject({
      code: 'E_CANNOT_HEAR',
    })
    await orch.client.call('cancel', { params: { id } })
    await expect(orch.client.call('cancel', { params: { id } })).rejects.toMatchObject({ code: 'E_STATE' })
    await orch.finished(run.id)
  })

  it('attach gives the argv of its screen while it works', async () => {
    const { id } = await submit('hangs')
    await logged(id, 'ready')
    const { argv } = await orch.client.call('attach', { params: { id } })
    expect(argv).toContain('attach-session')
    await orch.client.call('cancel', { params: { id } })
    await expect(orch.client.call('attach', { params: { id } })).rejects.toMatchObject({ code: 'E_STATE' })
  })

  it('stop with agents ends them all', async () => {
    const { id } = await submit('hangs')
    await logged(id, 'ready')
    const { agent: name } = await orch.task(id)
    expect((await orch.client.call('stop', { body: { agents: true } })).stoppedAgents).toBe(1)
    expect(await marked(name ?? '')).toEqual([])
  })
})
