import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Argv } from '../../src/exec.ts'
import { createAttemptDirectories } from '../../src/runtime/attempt-dir.ts'
import type { LaunchSpec } from '../../src/runtime/runtime.ts'
import {
  AGENT_ENV,
  directoriesIn,
  exitOf,
  fixture,
  launch,
  type MakeRuntime,
  marked,
  output,
  pidsOf,
  prepare,
  prints,
  processes,
  reaches,
  siteForAll,
  until,
} from './runtime.ts'

const say = (text: string): Argv => ['sh', '-c', `echo ${text}; echo complaint ${text} >&2`]
export const MARKER = (turn: number) => `{"orch":"turn","turn":${turn}}\n`

/** The part of the runtime contract about further processes in one attempt, replies and files. */
export function turnsContract(make: MakeRuntime): void {
  const at = siteForAll(make)
  const proceed = async (agent: string, argv: Argv, more: Partial<LaunchSpec> = {}) => {
    const rest = { env: AGENT_ENV, cwd: at().work, stdin: 'none' as const, prompt: '', setup: [] }
    await at().directories.proceed({ ...rest, agent, argv, ...more })
  }
  const text = async (agent: string) => (await output(at(), agent)).toString()
  const fileOf = (agent: string, name: string) => join(at().directories.path(agent), name)
  const code = (expected: string) => expect.objectContaining({ code: expected })

  describe('further turns', () => {
    test('go on in the same place: output appended, no set-up, their own prompt and words', async () => {
      const agent = await launch(at(), ['sh', '-c', 'cat; echo complaint one >&2; exit 3'], {
        stdin: 'prompt',
        prompt: 'one\n',
        words: 1,
        setup: [['sh', '-c', 'echo set up']],
      })
      expect(await reaches(at(), agent, 'exited')).toMatchObject({ turn: 1, words: 1, exit: { status: 3 } })
      const setup: Argv[] = [['false']]
      await proceed(agent, ['sh', '-c', 'cat; echo complaint two >&2'], {
        stdin: 'prompt',
        prompt: 'two\n',
        words: 4,
        setup,
      })
      expect(await at().directories.status(agent)).toMatchObject({ state: 'ready', turn: 2, words: 4 })
      await at().runtime.start(agent)
      const ended = await reaches(at(), agent, 'exited')
      expect(ended).toMatchObject({ turn: 2, words: 4, exit: { phase: 'agent', status: 0 } })
      expect(ended.exit).toEqual({ phase: 'agent', status: 0 })
      expect(await text(agent)).toBe(`one\n${MARKER(2)}two\n`)
      expect(await at().directories.errors(agent, 1_000)).toBe('complaint one\ncomplaint two\n')
      expect(readFileSync(fileOf(agent, 'setup.log'), 'utf8')).toBe('set up\n')
    })

    test('one after the other, as fast as they end: each runs once', async () => {
      const agent = await launch(at(), say('1'))
      for (let turn = 2; turn <= 8; turn++) {
        await reaches(at(), agent, 'exited')
        await proceed(agent, say(`${turn}`))
        await Promise.all([at().runtime.start(agent), at().runtime.start(agent)])
        expect((await at().directories.status(agent)).turn).toBe(turn)
      }
      await reaches(at(), agent, 'exited')
      const later = [2, 3, 4, 5, 6, 7, 8].map((turn) => `${MARKER(turn)}${turn}\n`)
      expect(await text(agent)).toBe(`1\n${later.join('')}`)
    })

    test('begin without what the one before was offered', async () => {
      const agent = await launch(at(), say('1'))
      await exitOf(at(), agent)
      const offer = { session: 's', words: ['a', 'b'].map((id) => ({ id, text: id })) }
      await at().directories.offer(agent, offer)
      expect(existsSync(fileOf(agent, 'offer.000001.a'))).toBe(true)
      await proceed(agent, ['true'])
      expect(existsSync(fileOf(agent, 'offer.000001.a'))).toBe(false)
      expect(await at().directories.offer(agent, { session: '', words: [] })).toEqual(new Map())
    })

    test('a turn that ended in mid-line does not swallow the next', async () => {
      const agent = await launch(at(), ['printf', 'half\\0'])
      await exitOf(at(), agent)
      await proceed(agent, say('two'))
      await at().runtime.start(agent)
      await reaches(at(), agent, 'exited')
      expect(await text(agent)).toBe(`half\0\n${MARKER(2)}two\n`)
    })

    test('none while there is a process, or none yet, or one that left no word', async () => {
      const agent = await prepare(at(), fixture('hangs'))
      await expect(proceed('never-there', ['true'])).rejects.toEqual(code('E_STATE'))
      await expect(proceed(agent, ['true'])).rejects.toEqual(code('E_STATE'))
      await at().runtime.start(agent)
      await prints(at(), agent, 'ready')
      await expect(proceed(agent, ['true'])).rejects.toEqual(code('E_STATE'))
      process.kill((await pidsOf(at(), agent)).shim, 'SIGKILL')
      await reaches(at(), agent, 'lost')
      await expect(proceed(agent, ['true'])).rejects.toEqual(code('E_STATE'))
      expect((await at().directories.status(agent)).turn).toBe(1)
    })

    test('what cannot be run changes nothing', async () => {
      const agent = await launch(at(), say('one'), { prompt: 'one' })
      const before = await reaches(at(), agent, 'exited')
      await expect(proceed(agent, ['a\0b'], { prompt: 'two' })).rejects.toEqual(code('E_INVALID'))
      await expect(proceed(agent, ['true'], { files: { in: '' } })).rejects.toEqual(code('E_INVALID'))
      expect(await at().directories.status(agent)).toEqual(before)
      expect(readFileSync(fileOf(agent, 'prompt.md'), 'utf8')).toBe('one')
    })

    test('preparing anew does not turn back to the first', async () => {
      const agent = await launch(at(), say('one'))
      await exitOf(at(), agent)
      await proceed(agent, say('two'))
      const rest = { env: AGENT_ENV, cwd: at().work, stdin: 'none' as const, prompt: '', setup: [] }
      await at().directories.prepare({ ...rest, agent, argv: say('never') })
      await at().runtime.start(agent)
      await reaches(at(), agent, 'exited')
      expect(await text(agent)).toBe(`one\n${MARKER(2)}two\n`)
    })

    test('hold a conversation of their own, whatever the one before left unread', async () => {
      const agent = await launch(at(), ['true'], { stdin: 'fifo', firstInput: 'x'.repeat(200_000) })
      await exitOf(at(), agent)
      await proceed(agent, ['sh', '-c', 'read a; read b; echo "$a $b"'], {
        stdin: 'fifo',
        firstInput: 'one\n',
      })
      const sent = at().directories.send(agent, 'two\n') // waits for the shim that is still to come
      await at().runtime.start(agent)
      await sent
      await exitOf(at(), agent)
      expect(await text(agent)).toBe(`${MARKER(2)}one two\n`)
      await proceed(agent, fixture('hangs'))
      await at().runtime.start(agent)
      await prints(at(), agent, 'ready')
      await expect(at().directories.send(agent, 'x\n')).rejects.toEqual(code('E_CANNOT_HEAR'))
    })

    test('end by stop, and never start when they were stopped before', async () => {
      const agent = await launch(at(), say('one'))
      await exitOf(at(), agent)
      await proceed(agent, fixture('hangs'))
      await at().runtime.start(agent)
      await prints(at(), agent, 'ready')
      expect(await at().directories.stop(agent, 5_000)).toEqual({ killed: 0 })
      expect(await at().directories.status(agent)).toMatchObject({ turn: 2, exit: { status: 143 } })
      expect(await marked(agent)).toEqual([])
      await proceed(agent, say('never'))
      await at().directories.stop(agent, 100)
      const stopped = { state: 'exited', turn: 3, exit: { phase: 'setup', status: 143 } }
      expect(await at().directories.status(agent)).toMatchObject(stopped)
      await at().runtime.start(agent)
      await until('no shim', async () => !(await at().runtime.list()).has(agent))
      expect(await text(agent)).not.toContain('never')
      await proceed(agent, say('four'))
      await at().runtime.start(agent)
      expect(await reaches(at(), agent, 'exited')).toMatchObject({ turn: 4, exit: { status: 0 } })
    })

    test('a shim that is killed is lost for its own turn', async () => {
      const agent = await launch(at(), say('one'))
      await exitOf(at(), agent)
      await proceed(agent, fixture('hangs'))
      await at().runtime.start(agent)
      await prints(at(), agent, 'ready')
      const { shim } = await until('the second start is told', async () => {
        const pids = await pidsOf(at(), agent)
        return (pids as { turn?: number }).turn === 2 && pids
      })
      process.kill(shim, 'SIGKILL')
      expect(await reaches(at(), agent, 'lost', 2_000)).toMatchObject({ turn: 2 })
      await at().directories.stop(agent, 2_000)
      expect(await marked(agent)).toEqual([])
    })
  })

  describe('files of a launch', () => {
    test('are there before the agent, private, and may be replaced', async () => {
      const files = { 'x-settings.json': '{"a":1}', 'x-order.json': 'one' }
      const agent = await launch(at(), ['true'], { files })
      await exitOf(at(), agent)
      expect(statSync(fileOf(agent, 'x-settings.json')).mode & 0o777).toBe(0o600)
      expect(await at().directories.file(agent, 'x-order.json')).toBe('one')
      await proceed(agent, ['true'], { files: { 'x-order.json': 'two' } })
      expect(await at().directories.file(agent, 'x-order.json')).toBe('two')
      expect(await at().directories.file(agent, 'x-settings.json')).toBe('{"a":1}')
    })

    test.each([
      'a/b',
      '../x',
      '.x',
      '',
      'spec.sh',
      'Prompt.md',
      'lock',
      'lock.2',
      'exit.json.new',
      'a\0',
      'a b',
    ])('no name: %j', async (name) => {
      const agent = `files-${process.pid}`
      await expect(prepare(at(), ['true'], { agent, files: { [name]: 'x' } })).rejects.toEqual(
        code('E_INVALID'),
      )
      expect(existsSync(at().directories.path(agent))).toBe(false)
    })
  })

  describe('replies', () => {
    const listens = async () => {
      const agent = await launch(at(), fixture('echoes-lines'), { stdin: 'fifo' })
      await prints(at(), agent, 'listening')
      return agent
    }
    const heard = async (agent: string) => {
      await at().directories.send(agent, 'bye\n')
      await exitOf(at(), agent)
      return (await text(agent)).split('\n').slice(1, -1)
    }

    test('are sent once each, in order, a new daemon included', async () => {
      const agent = await listens()
      const replies = ['1', '2', '1', '3'].map((id) => ({ id, text: `reply ${id}\n`, once: id === '2' }))
      await Promise.all(replies.map((reply) => at().directories.reply(agent, reply)))
      for (const reply of replies) await directoriesIn(at().root).reply(agent, reply)
      expect(await heard(agent)).toEqual(['heard reply 1', 'heard reply 2', 'heard reply 3', 'heard bye'])
    })

    test('in doubt, a prompt is not sent again and everything else is', async () => {
      const agent = await listens()
      // As a crash between the two steps leaves it: noted and not sent, or sent and not noted; and a note that was cut.
      appendFileSync(fileOf(agent, 'sent'), 'prompt\ncut', { mode: 0o600 })
      await at().directories.reply(agent, { id: 'prompt', text: 'prompt\n', once: true })
      await at().directories.reply(agent, { id: 'answer', text: 'answer\n' })
      expect(readFileSync(fileOf(agent, 'sent'), 'utf8')).toBe('prompt\ncut\nanswer\n')
      expect(await heard(agent)).toEqual(['heard answer', 'heard bye'])
    })

    test('a prompt for an agent that does not listen yet was not sent: it is when it does', async () => {
      const agent = await prepare(at(), fixture('echoes-lines'), { stdin: 'fifo' })
      let now = 0
      const clock = { ...systemClock, now: () => (now += 1_000) } // the shim does not come in time
      const early = createAttemptDirectories({ root: at().root, processes, clock })
      appendFileSync(fileOf(agent, 'sent'), 'before\n', { mode: 0o600 })
      const prompt = { id: 'prompt', text: 'prompt\n', once: true }
      await expect(early.reply(agent, prompt)).rejects.toEqual(code('E_CANNOT_HEAR'))
      await at().runtime.start(agent)
      for (const _ of [1, 2]) await at().directories.reply(agent, prompt)
      expect(readFileSync(fileOf(agent, 'sent'), 'utf8')).toBe('before\nprompt\n')
      expect(await heard(agent)).toEqual(['heard prompt', 'heard bye'])
    })

    test('who does not listen is told nothing, and may be asked again', async () => {
      const agent = await launch(at(), say('one'))
      await exitOf(at(), agent)
      const deaf = at().directories.reply(agent, { id: 'a', text: 'x\n' })
      await expect(deaf).rejects.toEqual(code('E_CANNOT_HEAR'))
      await expect(at().directories.reply(agent, { id: 'a\nb', text: 'x' })).rejects.toEqual(
        code('E_INVALID'),
      )
      expect(existsSync(fileOf(agent, 'sent'))).toBe(false)
      await proceed(agent, fixture('echoes-lines'), { stdin: 'fifo' })
      await at().runtime.start(agent)
      await at().directories.reply(agent, { id: 'a', text: 'again\n' })
      await prints(at(), agent, 'heard again')
    })
  })
}
