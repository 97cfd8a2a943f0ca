import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { orch as run } from '../support/cli.ts'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Messages as people see them, with a real daemon that is killed in the middle. */

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1', ORCH_MAILBOX_SIZE: '30' })
})
afterAll(() => orch.close())

const program = [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts')]
type Given = NonNullable<Parameters<typeof run>[1]>
const cli = (argv: string[], given: Given = {}) =>
  run(argv, { state: orch.stateDir, env: { ...orch.env }, ...given })
async function json(...argv: string[]) {
  const { code, out, err } = await cli([...argv, '--json'])
  expect({ code, err }, argv.join(' ')).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}

async function begin(name: string) {
  const meet = temporaryDirectory('orch-meet')
  const repository = await makeRepository()
  const argv = [agent(name), meet, ...program]
  const task = { driver: 'command', argv, description: 'Paint it', runtime: 'process' } as const
  const made = await orch.submit(repository.path, [task])
  const has = (file: string) => existsSync(join(meet, file))
  const read = (file: string) => readFileSync(join(meet, file), 'utf8')
  return {
    ...repository,
    id: made.tasks[0]?.id as string,
    runId: made.id,
    has,
    read,
    go: () => writeFileSync(join(meet, 'go'), ''),
  }
}

test('an agent asks a person, who waits for it; the daemon is killed before and after the answer; the answer becomes work', async () => {
  const { id, runId, git, has, read, go } = await begin('asks-a-person')
  const inbox = await cli(['inbox', '--wait'])
  expect(inbox).toMatchObject({ code: 0, out: expect.stringContaining('Which colour?') })
  const [, request = ''] = /--reply (\S+)/.exec(inbox.out) ?? []
  await until('it waits', async () => (await orch.task(id)).waitingFor === 'message')
  await orch.crash()
  expect((await json('inbox')).messages).toHaveLength(1)
  expect(await cli(['send', '--reply', request, 'blue, like the sky'])).toMatchObject({ code: 0, err: '' })
  await orch.crash()
  await cli(['inbox', '--all'])
  await until('the answer has come', () => has('answer') && read('answer').includes('answered": true'))
  const seen = await json('messages', request)
  expect(seen).toMatchObject({ state: 'acknowledged', answer: { id: expect.stringMatching(/^m-/) } })
  expect(seen.took.answered).toBeGreaterThan(0)
  go()
  const [ended] = await orch.finished(runId)
  expect(ended).toMatchObject({ state: 'accepted' })
  expect(await git(['show', `${ended?.branch}:colour.txt`])).toBe('blue, like the sky')
  expect(read('forged')).toContain('E_FORBIDDEN')
  const { messages } = await json('messages', '--run', runId)
  expect(
    messages.map((it: { message: { from: string; to: string; type: string } }) => [
      it.message.from,
      it.message.to,
      it.message.type,
    ]),
  ).toEqual([
    [id, 'person', 'assistance_request'],
    ['person', id, 'assistance_response'],
  ])
  expect((await json('dead', 'list')).letters).toEqual([])
})

test('what is sent while the daemon is killed is there once, in its order, and followed without gap or double', async () => {
  await orch.client.call('openMailbox', { body: { name: 'log', reader: 'one' } })
  let seen = ''
  let press = () => {}
  const following = cli(['messages', '-f', '--to', 'log'], {
    sees: (text) => (seen += text),
    interrupts: (it) => (press = it),
  })
  const before = await orch.pid()
  const sent: string[] = []
  const sending = (async () => {
    for (let n = 0; n < 20; n++) {
      const { code, out } = await cli(['send', 'log', `message ${n}.`])
      expect(code).toBe(0)
      sent.push(out.split(' ')[2] as string)
    }
  })()
  await until('some are sent', () => sent.length >= 5)
  process.kill(before, 'SIGKILL')
  await until('more are sent', () => sent.length >= 12, 60_000)
  await orch.crash()
  await sending
  const { messages } = await json('messages', '--to', 'log')
  expect(messages.map((it: { message: { id: string } }) => it.message.id)).toEqual(sent)
  await until('all are shown', () => seen.includes('message 19.'), 60_000)
  press()
  expect((await following).code).toBe(130)
  const shown = [...seen.matchAll(/message (\d+)\./g)].map(([, n]) => Number(n))
  expect(shown).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('a full mailbox says so, and takes more when its reader has read', async () => {
  await orch.client.call('openMailbox', { body: { name: 'small', reader: 'one' } })
  const send = (n: number) =>
    orch.client.call('sendMessage', { body: { to: 'small', type: 'warning', payload: { text: `${n}` } } })
  for (let n = 0; n < 30; n++) await send(n)
  const full = await cli(['send', 'small', 'one more'])
  expect(full).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/full: 30 messages[\s\S]*E_MAILBOX_FULL[\s\S]*orch messages --to/),
  })
  const params = { name: 'small' }
  const { messages } = await orch.client.call('receive', { params, body: { reader: 'one' } })
  const ids = messages.map(({ message }) => message.id)
  await orch.client.call('acknowledge', { params, body: { reader: 'one', ids } })
  expect(await cli(['send', 'small', 'one more'])).toMatchObject({ code: 0 })
})

test('a task that died is told what to do otherwise, and does it', async () => {
  const repository = await makeRepository()
  const argv = ['sh', '-c', 'grep -q "the blue one" || exit 3; echo blue >colour.txt']
  const task = { driver: 'command', argv, description: 'Paint it', runtime: 'process' as const, tries: 1 }
  const made = await orch.submit(repository.path, [task])
  const [dead] = await orch.finished(made.id)
  expect(dead).toMatchObject({ state: 'dead' })
  const id = dead?.id as string
  expect((await cli(['dead', 'list'])).out).toContain(id)
  expect(await cli(['dead', 'edit', id, '--say', 'Take the blue one'])).toMatchObject({ code: 0, err: '' })
  expect(await cli(['dead', 'redrive', id])).toMatchObject({ code: 0, err: '' })
  expect(await orch.finished(made.id)).toMatchObject([{ state: 'accepted', attempt: 2 }])
})
