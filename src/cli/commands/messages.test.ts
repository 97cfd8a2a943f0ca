import { expect, test } from 'vitest'
import { orch } from '../../../test/support/cli.ts'
import { holdTask } from '../../../test/support/held-task.ts'
import { mailDaemon } from '../../../test/support/mail-daemon.ts'
import { until } from '../../../test/support/orch.ts'
import { REASON } from '../../../test/support/store.ts'
import { send } from '../../orchestrator/bus/bus.ts'
import { senderOf } from '../../orchestrator/bus/sender.ts'
import { plainText } from '../../text.ts'

const EVIL = '\u001b[2J\u001b]0;title\u0007\u202egnp.exe\r\nforged line'

function expectPlain(text: string) {
  expect(text).toBe(plainText(text))
  expect(text).not.toMatch(/^forged/m)
}

async function withTask() {
  const daemon = await mailDaemon()
  const held = await holdTask(daemon.parts)
  const { task } = held
  await daemon.parts.store.mailboxes.open(
    { name: task.id, taskId: task.id, runId: task.runId, reader: 'a', capacity: 100 },
    1,
  )
  const ask = (question: string) =>
    send(daemon.parts, senderOf(task), { to: 'person', type: 'assistance_request', payload: { question } })
  const json = async (...argv: string[]) => {
    const { code, out, err } = await daemon.cli(...argv, '--json')
    expect({ code, err }, argv.join(' ')).toEqual({ code: 0, err: '' })
    return JSON.parse(out)
  }
  const newest = async () => (await json('messages')).messages.at(-1).message
  return { ...daemon, ...held, ask, json, newest }
}

test('send: plain text is a context_share, its first line the subject', async () => {
  const { cli, task, newest, state } = await withTask()
  const sent = await cli('send', task.id.slice(0, 9), 'The API is', 'frozen\nuntil Friday')
  expect(sent).toEqual({
    code: 0,
    err: '',
    out: expect.stringMatching(/^sent context_share m-\w{12} to t-\w{12}\n$/),
  })
  expect(await newest()).toMatchObject({
    from: 'person',
    type: 'context_share',
    payload: { subject: 'The API is frozen', content: 'The API is frozen\nuntil Friday' },
  })
  await cli('send', task.id, '--type', 'warning', '--priority', 'high', 'mind', 'the gap')
  expect(await newest()).toMatchObject({
    type: 'warning',
    priority: 'high',
    payload: { text: 'mind the gap' },
  })
  await orch(['send', task.id, '-'], { state, stdin: 'from a pipe' })
  expect((await newest()).payload.content).toBe('from a pipe')
  const payload = JSON.stringify({ title: 'A hole', severity: 'high', description: 'x' })
  await cli('send', task.id, '--type', 'finding_report', '--payload', payload)
  expect((await newest()).payload.title).toBe('A hole')
  await orch(['send', task.id, '--type', 'finding_report', '--payload-file', '-'], { state, stdin: payload })
  expect((await newest()).type).toBe('finding_report')
  const all = await cli('send', '*', '--run', task.runId, 'hear me')
  expect(all.out).toMatch(new RegExp(`to ${task.id}\n$`))
  expect((await newest()).audience).toBe('*')
})

test('a request of an agent is read and answered; then nothing waits', async () => {
  const { cli, task, ask, json, newest } = await withTask()
  const { id } = await ask(`Which port?${EVIL}`)
  const inbox = await cli('inbox')
  expect(inbox.out).toContain(`orch send --reply ${id} "…"`)
  expectPlain(inbox.out)
  expect(await cli('send', '--reply', id, '8080')).toMatchObject({
    code: 0,
    out: expect.stringContaining('assistance_response'),
  })
  expect(await newest()).toMatchObject({ to: task.id, correlationId: id, payload: { answer: '8080' } })
  expect((await cli('inbox')).out).not.toContain('--reply')
  expect(await cli('send', task.id, '--reply', id, '8080')).toMatchObject({ code: 0 }) // the same again
  expect(await cli('send', '--reply', id, '8081')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/answered already by you[\s\S]*E_STATE/),
  })
  expect(await cli('inbox', '--ack', id)).toEqual({ code: 0, err: '', out: '1 message read\n' })
  expect((await cli('inbox')).out).toBe('nothing waits for person\n')
  expect(await json('messages', id)).toMatchObject({ state: 'acknowledged', answer: {}, kind: 'message' })
  expect((await cli('messages', id)).out).toMatch(/answered +\S+ \S+ \(after \d+ms\) by m-/)
  await ask('Another?')
  const all = await json('inbox', '--all')
  expect(all.acknowledged).toEqual(all.messages.map((it: { message: { id: string } }) => it.message.id))
  expect((await json('inbox')).messages).toEqual([])
})

test('a validation is answered with a verdict', async () => {
  const { cli, parts, task, newest } = await withTask()
  const order = { to: 'person', type: 'validation_request', payload: { what: 'the diff' } } as const
  const { id } = await send(parts, senderOf(task), order)
  expect(await cli('send', '--reply', id, 'fine')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--verdict'),
  })
  await cli('send', '--reply', id, '--verdict', 'refused', 'No tests')
  expect((await newest()).payload).toMatchObject({ verdict: 'refused', summary: 'No tests' })
})

test.each<[string, string[], number, RegExp]>([
  ['nobody', ['send'], 2, /E_USAGE/],
  ['nothing', ['send', 'person'], 2, /nothing to send/],
  ['an unknown receiver', ['send', 'no\u001body', 'x'], 3, /nobody here is called noody[\s\S]*E_NOT_FOUND/],
  ['an unknown type', ['send', 'person', '--type', 'gossip', 'x'], 2, /Allowed choices/],
  ['a type that is more than text', ['send', 'person', '--type', 'handoff', 'x'], 2, /needs --payload/],
  [
    'a payload of another shape',
    ['send', 'person', '--type', 'warning', '--payload', '{"a":1}'],
    2,
    /text: [\s\S]*--types warning/,
  ],
  ['no JSON', ['send', 'person', '--payload', '{'], 2, /--payload: /],
  ['no object', ['send', 'person', '--payload', '[1]'], 2, /JSON object/],
  ['both', ['send', 'person', '--payload', '{}', 'x'], 2, /not both/],
  ['no file', ['send', 'person', '--payload-file', '/none/x.json'], 3, /cannot read/],
  ['a reply to nothing', ['send', '--reply', 'm-nothing00', 'x'], 3, /no message m-nothing00/],
  ['two ways', ['send', '--topic', 'a', '--capability', 'b', 'x'], 2, /one of/],
  ['a capability that nobody has', ['send', '--capability', 'cooking', 'x'], 3, /Start a run/],
  ['everybody without a run', ['send', '*', 'x'], 2, /name a receiver/],
  ['an inbox of nobody', ['inbox', 'nobody'], 3, /E_NOT_FOUND/],
  ['--ack and --all', ['inbox', '--all', '--ack', 'm-1'], 2, /stands alone/],
  ['what is not there as read', ['inbox', '--ack', 'm-nothing00'], 3, /m-nothing00/],
  ['messages of nobody', ['messages', '--from', 'nobody'], 3, /E_NOT_FOUND/],
  ['an unknown schema', ['messages', '--types', 'gossip'], 3, /There are: finding_report/],
  ['a dead letter that is none', ['dead', 'show', 'm-nothing00'], 3, /orch dead list/],
  ['nothing to edit', ['dead', 'edit', 'm-nothing00'], 2, /--payload, --to or --say/],
  ['nothing to redrive', ['dead', 'redrive'], 2, /--all/],
  ['all and some', ['dead', 'drop', 'm-1', '--all'], 2, /--all/],
])('refused: %s', async (_, argv, code, err) => {
  const { cli } = await mailDaemon()
  const screen = await cli(...argv)
  expect(screen).toMatchObject({ code, out: '', err: expect.stringMatching(err) })
  expect(screen.err).not.toContain('\u001b')
})

test('5 MB on standard input', async () => {
  const { state } = await mailDaemon()
  const stdin = JSON.stringify({ text: 'x'.repeat(5_000_000) })
  const screen = await orch(['send', 'person', '--type', 'warning', '--payload-file', '-'], { state, stdin })
  expect(screen).toMatchObject({ code: 2, err: expect.stringContaining('more than') })
  const large = JSON.stringify({ text: 'x'.repeat(1_000_000) })
  const refused = await orch(['send', 'person', '--type', 'warning', '--payload-file', '-'], {
    state,
    stdin: large,
  })
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('E_TOO_LARGE') })
})

test('an agent does not speak, or read, as a person', async () => {
  const { state } = await mailDaemon()
  const env = { ORCH_AGENT_TOKEN: 'x' }
  for (const argv of [
    ['send', 'person', 'x'],
    ['inbox', '--all'],
    ['inbox', '--ack', 'm-1'],
  ])
    expect(await orch(argv, { state, env })).toMatchObject({
      code: 5,
      err: expect.stringMatching(/E_FORBIDDEN[\s\S]*orch agent/),
    })
})

test('--follow shows what is there, then what happens, each once, until Ctrl-C', async () => {
  const { client, ask, state, task, cli } = await withTask()
  await ask('first?')
  let press = () => {}
  let seen = ''
  const following = orch(['messages', '-f', '--task', task.id], {
    state,
    interrupts: (it) => (press = it),
    sees: (text) => (seen += text),
  })
  await until('the first is shown', () => seen.includes('first?'))
  const { id } = await ask('second?')
  await client.call('sendMessage', {
    body: { to: 'person', type: 'warning', payload: { text: 'of nobody' } },
  })
  await cli('send', '--reply', id, 'yes')
  await cli('inbox', '--all')
  await until('it is told that both were read', () => seen.split('read after').length === 3)
  press()
  expect(await following).toMatchObject({ code: 130, err: '' })
  const told = seen
    .trim()
    .split('\n')
    .map((line) => `${/(first|second|yes|nobody)/.exec(line)?.[1]} ${/\[(\w+)/.exec(line)?.[1]}`)
  expect(told).toEqual(['first waits', 'second sent', 'yes sent', 'first read', 'second read'])
})

test('the mailbox of a program is looked into, not read, by people', async () => {
  const { cli, client, json } = await withTask()
  await client.call('openMailbox', { body: { name: 'builds', reader: 'one' } })
  const { id } = await json('send', 'builds', 'x')
  expect((await json('inbox', 'builds')).messages).toHaveLength(1)
  expect(await cli('inbox', 'builds', '--ack', id)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/E_STALE[\s\S]*only that one reads there/),
  })
})

test('an inbox that nobody has ever written to', async () => {
  const { cli } = await mailDaemon()
  expect(await cli('inbox')).toEqual({ code: 0, err: '', out: 'nothing waits for person\n' })
  expect(await cli('messages')).toEqual({ code: 0, err: '', out: '' })
})

test('--wait ends with the first message, and with Ctrl-C', async () => {
  const { ask, state, client } = await withTask()
  const waiting = orch(['inbox', '--wait'], { state })
  await client.call('health')
  await ask('now?')
  expect(await waiting).toMatchObject({ code: 0, out: expect.stringContaining('now?') })
  await client.call('acknowledge', {
    params: { name: 'person' },
    body: {
      ids: [(await client.call('peek', { params: { name: 'person' }, query: {} })).messages[0]!.message.id],
    },
  })
  let press: (() => void) | undefined
  const cut = orch(['inbox', '--wait'], { state, interrupts: (it) => (press = it) })
  await until('it waits', () => press !== undefined)
  press?.()
  expect(await cut).toMatchObject({ code: 130, out: '', err: '' })
})

test('dead letters: grouped, shown, corrected, redriven, dropped', async () => {
  const { cli, json, parts, task, fence } = await withTask()
  await cli('send', task.id, `one${EVIL}`)
  await cli('send', task.id, 'two')
  await parts.store.tasks.fail(fence, 2, { reason: { ...REASON, message: EVIL }, retryAt: 2, final: true })
  const list = await cli('dead', 'list')
  expect(list.out).toMatch(/^ +2 +receiver-gone +context_share +t-/m)
  expect(list.out).toMatch(/^ +1 +agent-failed +task +general/m)
  expectPlain(list.out + (await cli('dead', 'show', task.id)).out)
  const { letters } = await json('dead', 'list', '--what', 'message')
  const ids = letters.map(({ id }: { id: string }) => id)
  expect((await cli('dead', 'show', ids[0])).out).toContain(`orch dead redrive ${ids[0]}`)
  expect(await cli('dead', 'redrive', ids[0])).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining('E_STATE'),
  })
  expect(await json('dead', 'edit', ids[0], '--to', 'person')).toMatchObject({
    kind: 'dead-letter',
    to: 'person',
  })
  expect(await json('dead', 'redrive', ids[0])).toEqual({
    schemaVersion: 1,
    kind: 'dead-redriven',
    done: [ids[0]],
    failures: [],
  })
  expect((await json('inbox')).messages).toHaveLength(1)
  const word = await cli('dead', 'edit', task.id, '--say', 'Use the test database')
  expect(word).toMatchObject({ code: 0, err: '' })
  const mixed = await cli('dead', 'redrive', task.id.slice(0, 9), 'm-nothing00')
  expect(mixed).toMatchObject({
    code: 3,
    out: `${task.id} is on its way again\n`,
    err: expect.stringContaining('m-nothing00'),
  })
  expect(await cli('dead', 'drop', '--reason', 'receiver-gone')).toMatchObject({
    code: 0,
    out: `${ids[1]} dropped\n`,
  })
  expect(await cli('dead', 'list')).toMatchObject({ code: 0, out: 'there are no dead letters\n' })
  expect(await cli('dead', 'drop', '--all')).toMatchObject({ code: 0, out: '' })
})

test('completion knows types, who can be written to, what waits and what is dead', async () => {
  const { client, ask, state, task } = await withTask()
  const { id } = await ask('port?')
  const complete = async (line: string) => {
    const { out } = await orch(['__complete', '--', ...line.split(' ')], { state })
    return out
      .split('\n')
      .filter(Boolean)
      .map((it) => it.split('\t')[0])
  }
  expect(await complete('send --reply m')).toEqual([id])
  expect(await complete('inbox --ack m')).toEqual([id])
  expect(await complete('messages m')).toEqual([id])
  expect(await complete('send --type hand')).toEqual(['handoff'])
  expect(await complete('dead re')).toEqual(['redrive'])
  await client.call('sendMessage', {
    body: { to: task.id, type: 'warning', payload: { text: 'x' }, id: 'm-deadsoon01' },
  })
  const { messages } = await client.call('messages', { query: { types: 'warning' } })
  expect(messages).toHaveLength(1)
  expect(await complete('dead show m')).toEqual([])
})
