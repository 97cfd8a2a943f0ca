import { mkdir, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { acceptWith } from '../../../test/support/family.ts'
import { team } from '../../../test/support/team.ts'
import type { TaskId } from '../../id.ts'
import type { Parts } from '../parts.ts'
import { profileFor } from './expert.ts'
import { openRequests } from './overdue.ts'
import { ask } from './route.ts'

const question = { type: 'assistance_request', payload: { question: 'Which index?' } } as const
const id = 'm-question0001'

describe('a request by capability', () => {
  test('starts an agent that can answer it, at the commit of the asker', async () => {
    const { parts, first } = await team()
    const head = await first.commit({ 'query.sql': 'select 1\n' })
    const asked = await ask(parts, first, { ...question, id, capability: 'database' })
    expect(asked).toMatchObject({ id, started: true })
    const expert = await parts.store.tasks.get(asked.to as TaskId)
    expect(expert?.spec).toMatchObject({
      profile: 'database-optimizer',
      parent: first.task.id,
      proof: 'answer',
      origin: { kind: 'assistance', message: id },
      from: head,
      tries: 2,
      title: 'Answer: Which index?',
      description: expect.stringContaining('> question: Which index?'),
    })
    expect(expert?.runId).toBe(first.task.runId)
    const request = await parts.store.mailboxes.get(id)
    expect(request?.message).toMatchObject({ from: first.task.id, to: expert?.id, correlationId: id })
    const ttl = Date.parse(request?.message.expiresAt ?? '') - Date.parse(request?.message.timestamp ?? '')
    expect(ttl).toBe(60 * 60_000)
    expect(await openRequests(parts, first.task.id)).toMatchObject([{ id }])
  })

  test('goes to an agent of the run that is free, not to a new one; then to the one with the fewest', async () => {
    const { parts, first, join } = await team()
    const [one, two] = [await join('database-optimizer'), await join('database-optimizer')]
    await join('docs-writer')
    const ids = ['m-question0001', 'm-question0002', 'm-question0003']
    const to: string[] = []
    for (const it of ids) to.push((await ask(parts, first, { ...question, id: it, capability: 'sql' })).to)
    expect(new Set(to.slice(0, 2))).toEqual(new Set([one.task.id, two.task.id]))
    const third = await parts.store.tasks.get(to[2] as TaskId)
    expect(third?.spec.origin?.message).toBe('m-question0003')
  })

  test('goes to who waits for a message, whatever is asked of it already', async () => {
    const { parts, first, join } = await team()
    const busy = await join('database-optimizer')
    await ask(parts, first, { ...question, id, to: busy.task.id })
    await parts.store.tasks.wait(busy.fence, parts.clock.now(), 'message')
    const asked = await ask(parts, first, { ...question, id: 'm-question0002', capability: 'database' })
    expect(asked).toEqual({ id: 'm-question0002', to: busy.task.id, started: false })
  })

  test.each(['quota', 'input', 'permission'] as const)('does not go to who waits for %s', async (state) => {
    const { parts, first, join } = await team()
    const away = await join('database-optimizer')
    await parts.store.tasks.wait(away.fence, parts.clock.now(), state)
    expect(await ask(parts, first, { ...question, id, capability: 'database' })).toMatchObject({
      started: true,
    })
  })

  test('goes neither to the asker, nor to another run, nor to who cannot hear', async () => {
    const { parts, first, join } = await team()
    const stranger = await team()
    await stranger.join('database-optimizer')
    const asker = await join('database-optimizer')
    expect(await ask(parts, asker, { ...question, id, capability: 'database' })).toMatchObject({
      started: true,
    })
    const [driver] = [...parts.drivers.values()]
    const deaf: Parts = {
      ...parts,
      drivers: new Map([['command', { ...driver, conversation: 'none' } as never]]),
    }
    const deafly = await ask(deaf, first, { ...question, id: 'm-question0002', capability: 'database' })
    expect(deafly.started).toBe(true)
    const hearing = await parts.hearings.of(asker.attempt)
    hearing.asking = 1 // it waits in a call of a tool
    expect(
      await ask(deaf, first, { ...question, id: 'm-question0003', capability: 'database' }),
    ).toMatchObject({
      to: asker.task.id,
    })
  })

  test('A asks B asks A: who waits is woken by the question', async () => {
    const { parts, first, join } = await team()
    const b = await join('database-optimizer')
    expect(await ask(parts, first, { ...question, id, capability: 'database' })).toMatchObject({
      to: b.task.id,
    })
    await parts.store.tasks.wait(first.fence, parts.clock.now(), 'message')
    const back = { ...question, id: 'm-question0002', capability: 'general' }
    expect(await ask(parts, b, back)).toMatchObject({ to: first.task.id, started: false })
    const { messages } = await first.call('read_inbox')
    expect(messages).toMatchObject([{ id: 'm-question0002' }])
    await first.call('answer', { request: 'm-question0002', text: 'Because' })
    expect((await b.call('read_inbox')).messages).toMatchObject([{ id }, { type: 'assistance_response' }])
    await b.call('answer', { request: id, text: 'Then this one' })
    expect(await openRequests(parts, first.task.id)).toEqual([])
  })

  test('goes to the next one when the first has just ended', async () => {
    const { parts, first, join } = await team()
    const [gone, there] = [await join('database-optimizer'), await join('database-optimizer')]
    const { mailboxes } = parts.store
    const dying: Parts = {
      ...parts,
      store: {
        ...parts.store,
        mailboxes: {
          ...mailboxes,
          list: async (filter) => {
            const boxes = await mailboxes.list(filter)
            return boxes
              .filter(({ name }) => name !== there.task.id)
              .concat(boxes.filter(({ name }) => name === there.task.id))
          },
          async send(messages, now) {
            if (messages[0]?.to === gone.task.id) await acceptOnce()
            return await mailboxes.send(messages, now)
          },
        },
      },
    }
    let accepted = false
    const acceptOnce = async () => {
      if (!accepted) await acceptWith(parts, gone, { 'x.txt': 'x' })
      accepted = true
    }
    expect(await ask(dying, first, { ...question, id, capability: 'database' })).toMatchObject({
      to: there.task.id,
    })
  })
})

describe('asked twice', () => {
  test('it is one request and one agent', async () => {
    const { parts, first } = await team()
    const order = { ...question, id, capability: 'database' }
    const asked = await ask(parts, first, order)
    expect(await ask(parts, first, order)).toEqual(asked)
    expect(await parts.store.tasks.list({ parent: first.task.id })).toHaveLength(1)
  })

  test('a crash between the agent and the request leaves neither alone', async () => {
    const { parts, first, join } = await team()
    const { mailboxes } = parts.store
    const killed = async () => {
      throw new Error('killed')
    }
    const dying = { ...parts, store: { ...parts.store, mailboxes: { ...mailboxes, send: killed } } }
    const order = { ...question, id, capability: 'database' }
    await expect(ask(dying, first, order)).rejects.toThrow('killed')
    await join('database-optimizer') // it is free, but somebody was started
    const asked = await ask(parts, first, order)
    const made = await parts.store.tasks.get(asked.to as TaskId)
    expect(made?.spec.origin?.message).toBe(id)
    expect(asked.started).toBe(true)
    expect(await parts.store.tasks.list({ parent: first.task.id })).toHaveLength(2)
  })
})

describe('refused', () => {
  test('when nobody has the capability, with those that there are', async () => {
    const { parts, first } = await team()
    await expect(ask(parts, first, { ...question, id, capability: 'juggling' })).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
      message: expect.stringContaining('juggling'),
      fix: expect.stringMatching(/database.*security-auditor/),
    })
  })

  test.each([
    ['delegateTasks', 0],
    ['delegateDepth', 0],
    ['runTasks', 1],
  ])('when %s is reached', async (setting, most) => {
    const { parts, first } = await team({ config: { [setting]: most } })
    await expect(ask(parts, first, { ...question, id, capability: 'database' })).rejects.toMatchObject({
      code: 'E_LIMIT',
      message: expect.stringContaining(setting),
    })
    expect(await parts.store.mailboxes.get(id)).toBeUndefined()
  })

  test.each([
    [{}, 'E_INVALID'],
    [{ to: 'person', capability: 'database' }, 'E_INVALID'],
    [{ to: '*' }, 'E_INVALID'],
    [{ to: '#database' }, 'E_INVALID'],
    [{ to: 'nobody-here' }, 'E_NOT_FOUND'],
    [{ to: 't-nosuchtask00' }, 'E_NOT_FOUND'],
    [{ to: 'x\n* y'.repeat(100) }, 'E_NOT_FOUND'],
    [{ to: 'person', payload: { question: 5 } }, 'E_INVALID'],
    [{ to: 'person', payload: { question: 'x'.repeat(5_000_000) } }, 'E_TOO_LARGE'],
  ])('when it makes no sense (%#)', async (order, code) => {
    const { parts, first } = await team()
    await expect(ask(parts, first, { ...question, ...order, id })).rejects.toMatchObject({ code })
    expect(await parts.store.mailboxes.get(id)).toBeUndefined()
  })

  test('when an agent asks itself, or one that has ended', async () => {
    const { parts, first, join } = await team()
    const over = await join('docs-writer')
    await acceptWith(parts, over, { 'x.txt': 'x' })
    const self = { ...question, id, to: first.attempt.agent }
    await expect(ask(parts, first, { ...self, to: first.task.id })).rejects.toMatchObject({
      code: 'E_INVALID',
    })
    await expect(ask(parts, first, { ...self, to: over.task.id })).rejects.toMatchObject({ code: 'E_STATE' })
  })
})

test('a person can be asked', async () => {
  const { parts, first } = await team()
  expect(await ask(parts, first, { ...question, id, to: 'person' })).toMatchObject({
    to: 'person',
    started: false,
  })
})

test('a profile is found by its name, else by what it names first, those of the repository before', async () => {
  const { parts, first } = await team()
  const { repo } = first.task.spec
  const find = (capability: string) => profileFor(parts, repo, capability)
  expect(await find('worker')).toBe('worker')
  expect(await find('code-review')).toBe('reviewer')
  expect(await find('tests')).toBe('test-suite-developer')
  await mkdir(`${repo}/.orch/profiles`, { recursive: true })
  const text = '---\nname: tester\ndescription: Own\ncapabilities: [code, tests]\n---\nTest it.\n'
  await writeFile(`${repo}/.orch/profiles/tester.md`, text)
  expect(await find('tests')).toBe('tester')
})
