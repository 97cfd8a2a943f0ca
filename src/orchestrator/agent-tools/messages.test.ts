import { describe, expect, test } from 'vitest'
import { acceptWith } from '../../../test/support/family.ts'
import { until } from '../../../test/support/orch.ts'
import { team } from '../../../test/support/team.ts'
import type { TaskId } from '../../id.ts'
import { send } from '../bus/bus.ts'
import { answerOverdue } from '../bus/overdue.ts'
import { newHearing } from '../conversation/hearing.ts'

const database = { question: 'Which index?', capability: 'database', wait: 0 }

async function pair() {
  const made = await team()
  return { ...made, other: await made.join('reviewer') }
}

describe('messages', () => {
  test('reach an agent by name, its task, a topic and everybody, signed by who sent them', async () => {
    const { first, other, join } = await pair()
    const third = await join('worker')
    await other.call('subscribe', { topics: ['api'] })
    const text = 'The API changes\nfrom v1 to v2'
    await first.call('send_message', { to: other.attempt.agent, text })
    await first.call('send_message', {
      to: other.task.id,
      type: 'warning',
      payload: { text: 'Port 80' },
      priority: 'high',
    })
    expect(await first.call('send_message', { to: '#api', text })).toMatchObject({ receivers: 1 })
    expect(await first.call('send_message', { to: '*', type: 'optimization_tip', text })).toMatchObject({
      receivers: 2,
    })
    const sender = { from: first.task.id, profile: 'general' }
    expect((await other.call('read_inbox')).messages).toMatchObject([
      {
        ...sender,
        from: first.attempt.agent,
        type: 'context_share',
        payload: { subject: 'The API changes', content: text },
      },
      { type: 'warning', priority: 'high', payload: { text: 'Port 80', severity: 'medium' } },
      { audience: '#api' },
      { audience: '*', type: 'optimization_tip', payload: { tip: text } },
    ])
    expect((await third.call('read_inbox')).messages).toHaveLength(1)
    expect((await first.call('read_inbox')).messages).toEqual([])
  })

  test('come again, marked, until they are acknowledged; those of one that was acknowledged do not', async () => {
    const { first, other } = await pair()
    const { id } = await first.call('send_message', { to: other.task.id, text: 'one' })
    await other.call('read_inbox')
    await first.call('send_message', { to: other.task.id, text: 'two' })
    const both = await other.call('read_inbox')
    expect(both).toMatchObject({
      messages: [{ id, again: true }, { payload: { content: 'two' } }],
      more: false,
    })
    expect((both.messages as object[])[1]).not.toHaveProperty('again')
    expect((await other.call('read_inbox', { acknowledge: [id] })).messages).toMatchObject([{ again: true }])
    expect((await other.call('read_inbox', { acknowledge: [id] })).messages).toHaveLength(1)
    expect((await other.call('read_inbox', { id })).messages).toMatchObject([{ payload: { content: 'one' } }])
  })

  test('count as given, so that the turn’s end does not tell them again; what is a word already is not shown', async () => {
    const { parts, first, other } = await pair()
    const { id } = await first.call('send_message', { to: other.task.id, text: 'one' })
    const hearing = await parts.hearings.of(other.attempt)
    await other.call('read_inbox')
    expect([...hearing.given]).toEqual([id])
    await other.call('read_inbox', { acknowledge: [id] })
    expect([...hearing.given]).toEqual([])
    const next = await first.call('send_message', { to: other.task.id, text: 'two' })
    hearing.words.push({ id: String(next.id), text: 'two', message: true })
    expect((await other.call('read_inbox')).messages).toEqual([])
  })

  test('are waited for, without using turns; what came before ends no wait', async () => {
    const { parts, first, other } = await pair()
    await first.call('send_message', { to: other.task.id, text: 'old' })
    await other.call('read_inbox')
    const reading = other.call('read_inbox', { wait: 30 })
    const hearing = await parts.hearings.of(other.attempt)
    await until('it asks', async () => hearing.asking === 1)
    await first.call('send_message', { to: other.task.id, text: 'new' })
    expect((await reading).messages).toMatchObject([{ again: true }, { payload: { content: 'new' } }])
    expect(hearing.asking).toBe(0)
  })

  test('are given again to the agent after this one when they were not read', async () => {
    const { parts, first, other } = await pair()
    const { id } = await first.call('send_message', { to: other.task.id, text: 'one' })
    await other.call('read_inbox')
    const now = parts.clock.now()
    await parts.store.tasks.fail(other.fence, now, { reason: { code: 'x', message: 'x' }, retryAt: now })
    const claim = { host: parts.host, now, leaseMs: 60_000, agent: () => 'reviewer-next' }
    const next = await parts.store.tasks.claim(claim)
    expect(next?.task.id).toBe(other.task.id)
    const { createAgentCalls } = await import('./call.ts')
    const token = parts.agentTokens.issue(next?.attempt ?? other.attempt)
    expect(await createAgentCalls(parts).call(token, 'read_inbox', {})).toMatchObject({ messages: [{ id }] })
    await expect(other.call('read_inbox')).rejects.toMatchObject({ code: 'E_STALE' })
  })

  test('many long ones are shown in parts', async () => {
    const { first, other } = await pair()
    const content = 'x'.repeat(49_000)
    for (let i = 0; i < 13; i++)
      await first.call('send_message', { to: other.task.id, payload: { subject: `${i}`, content } })
    const part = await other.call('read_inbox')
    const messages = part.messages as { id: string; payload: { subject: string } }[]
    expect(part.more).toBe(true)
    expect(messages.length).toBeGreaterThan(5)
    const rest = await other.call('read_inbox', { acknowledge: messages.map(({ id }) => id) })
    const all = [...messages, ...(rest.messages as typeof messages)].map(({ payload }) => payload.subject)
    expect(all).toEqual(Array.from({ length: 13 }, (_, i) => `${i}`))
    expect(rest.more).toBe(false)
  })
})

describe('refused', () => {
  test.each([
    ['send_message', { to: '*', text: 'x', from: 't-forged000000' }, 'E_INVALID', 'from'],
    ['send_message', { to: '*', text: 'x', type: 'shout' }, 'E_INVALID', 'type'],
    ['send_message', { to: '*', text: 'x', type: 'task_result' }, 'E_INVALID', 'type'],
    ['send_message', { to: '*', text: 'x', type: 'assistance_response' }, 'E_INVALID', 'type'],
    ['send_message', { to: '*' }, 'E_INVALID', 'text or in payload'],
    ['send_message', { to: '*', text: 'x', payload: {} }, 'E_INVALID', 'text or in payload'],
    ['send_message', { to: '*', type: 'warning', payload: { tip: 'x' } }, 'E_INVALID', 'text'],
    [
      'send_message',
      { to: '*', payload: { subject: 'x', content: 'y', files: ['../x'] } },
      'E_INVALID',
      'files',
    ],
    [
      'send_message',
      { to: '*', payload: { subject: 'x', content: 'y'.repeat(5_000_000) } },
      'E_TOO_LARGE',
      'bytes',
    ],
    ['send_message', { to: 'nobody', text: 'x' }, 'E_NOT_FOUND', 'nobody'],
    ['send_message', { to: '#No Topic', text: 'x' }, 'E_INVALID', 'topic'],
    ['send_message', { to: '*', text: 'x', correlationId: '../x' }, 'E_INVALID', 'correlationId'],
    ['read_inbox', { wait: 46 }, 'E_INVALID', 'wait'],
    ['read_inbox', { acknowledge: ['m-nosuchmessage'] }, 'E_NOT_FOUND', 'm-nosuchmessage'],
    ['read_inbox', { id: 'm-nosuchmessage' }, 'E_NOT_FOUND', 'm-nosuchmessage'],
    ['answer', { request: 'm-nosuchmessage', text: 'x' }, 'E_NOT_FOUND', 'm-nosuchmessage'],
    ['answer', { request: 'm-nosuchmessage' }, 'E_INVALID', 'text'],
    ['subscribe', { topics: ['A B'] }, 'E_INVALID', 'topics'],
    ['share_discovery', { kind: 'rumour', title: 'x', text: 'y' }, 'E_INVALID', 'kind'],
    ['request_assistance', { question: 'x', wait: 0 }, 'E_INVALID', 'capability'],
    ['request_assistance', { question: 'x', capability: 'juggling', wait: 0 }, 'E_NOT_FOUND', 'juggling'],
    ['request_validation', { what: 'x', to: '*', wait: 0 }, 'E_INVALID', 'one'],
    ['request_validation', { what: 'x', to: 'person', commit: 'abc', wait: 0 }, 'E_INVALID', 'commit'],
  ])('%s %# with the reason', async (name, input, code, message) => {
    const { first } = await team()
    await expect(first.call(name, input)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })

  test('an answer to what was asked of somebody else, and other people’s messages', async () => {
    const { first, other, join } = await pair()
    const third = await join('worker')
    const { request } = await first.call('request_assistance', { question: 'x', to: other.task.id, wait: 0 })
    await expect(third.call('answer', { request, text: 'y' })).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
    await expect(third.call('read_inbox', { id: request })).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
    await expect(first.call('answer', { request, text: 'y' })).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  })

  test('a mailbox that is full', async () => {
    const { first, join } = await team({ config: { mailboxSize: 2 } })
    const other = await join('worker')
    const tell = () => first.call('send_message', { to: other.task.id, text: 'x' })
    await tell()
    await tell()
    await expect(tell()).rejects.toMatchObject({ code: 'E_MAILBOX_FULL' })
  })
})

describe('assistance', () => {
  test('an agent is started, answers, and the asker gets it in the same call', async () => {
    const { parts, first, begin } = await team()
    const asking = first.call('request_assistance', { ...database, wait: 30 })
    const [made] = await until('it was started', async () => {
      const tasks = await parts.store.tasks.list({ parent: first.task.id })
      return tasks.length > 0 && tasks
    })
    const expert = await begin(made?.id ?? '')
    const [request] = (await expert.call('read_inbox')).messages as { id: string; answer: string }[]
    expect(request?.answer).toContain(`the tool answer with request "${request?.id}"`)
    await expert.call('answer', { request: request?.id, text: 'A covering one', files: ['a.txt'] })
    expect(await asking).toMatchObject({
      to: expert.attempt.agent,
      started: true,
      answered: true,
      answer: {
        from: expert.attempt.agent,
        payload: { status: 'answered', answer: 'A covering one', files: ['a.txt'] },
      },
      messages: [],
    })
    expect([...(await parts.hearings.of(first.attempt)).given]).toHaveLength(1)
    expect((await parts.store.mailboxes.get(request?.id ?? ''))?.state).toBe('acknowledged')
  })

  test('asked again word by word it is the same request, also after its answer; given up, it is asked anew', async () => {
    const { parts, first, begin, other } = { ...(await pair()) }
    const to = { question: 'x', to: other.task.id, wait: 0 }
    const open = await first.call('request_assistance', to)
    expect(open).toMatchObject({ answered: false, next: expect.stringContaining('end your turn') })
    expect(await first.call('request_assistance', to)).toEqual(open)
    await other.call('answer', { request: open.request, text: 'y' })
    const answered = { request: open.request, answered: true, answer: { payload: { answer: 'y' } } }
    expect(await first.call('request_assistance', to)).toMatchObject(answered)
    expect(await first.call('request_assistance', to)).toMatchObject(answered)

    const lost = await first.call('request_assistance', database)
    const expert = await begin(await receiverOf(parts, lost.request))
    await acceptWith(parts, expert, { 'x.txt': 'x' })
    await answerOverdue(parts)
    const again = await first.call('request_assistance', database)
    expect(again.request).not.toBe(lost.request)
    expect(again).toMatchObject({ started: true, answered: false })
  })

  test('an answer is given once; the same again is no error', async () => {
    const { first, other } = await pair()
    const { request } = await first.call('request_assistance', { question: 'x', to: other.task.id, wait: 0 })
    const answer = { request, text: 'I cannot tell', declined: true }
    const sent = await other.call('answer', answer)
    expect(await other.call('answer', answer)).toEqual(sent)
    await expect(other.call('answer', { request, text: 'Now I can' })).rejects.toMatchObject({
      code: 'E_STATE',
    })
    expect((await first.call('read_inbox')).messages).toMatchObject([{ payload: { status: 'declined' } }])
  })

  test('who waits and is asked something itself is told so', async () => {
    const { parts, first, other } = await pair()
    const waiting = first.call('request_assistance', { question: 'x', to: other.task.id, wait: 30 })
    const hearing = await parts.hearings.of(first.attempt)
    await until('it asks', async () => hearing.asking === 1)
    await other.call('send_message', { to: first.task.id, text: 'by the way' })
    const back = await other.call('request_assistance', { question: 'y', to: first.task.id, wait: 0 })
    expect(await waiting).toMatchObject({
      answered: false,
      messages: [{ type: 'context_share' }, { id: back.request, type: 'assistance_request' }],
      next: expect.stringContaining('answer that first'),
    })
  })

  test('what the one who answers had sent before comes before the answer', async () => {
    const { parts, first, other } = await pair()
    const { request } = await first.call('request_assistance', { question: 'x', to: other.task.id, wait: 0 })
    await other.call('send_message', { to: first.task.id, text: 'wait a moment' })
    await other.call('answer', { request, text: 'y' })
    expect(
      await first.call('request_assistance', { question: 'x', to: other.task.id, wait: 0 }),
    ).toMatchObject({
      answered: true,
      messages: [{ payload: { content: 'wait a moment' } }],
    })
    expect((await parts.hearings.of(first.attempt)).given.size).toBe(2)
  })

  test('a new daemon goes on waiting for the answer', async () => {
    const { parts, first, other } = await pair()
    const { request } = await first.call('request_assistance', { question: 'x', to: other.task.id, wait: 0 })
    await other.call('answer', { request, text: 'y' })
    Object.assign(await parts.hearings.of(first.attempt), newHearing())
    expect(await first.call('request_assistance', { question: 'x', to: other.task.id })).toMatchObject({
      answered: true,
    })
  })
})

describe('validation', () => {
  test('the head of the branch is judged, refused, mended and approved', async () => {
    const { parts, first, begin } = await team()
    const head = await first.commit({ 'login.ts': 'bad\n' })
    const order = { what: 'The login', capability: 'security-auditor', wait: 0 }
    const asked = await first.call('request_validation', order)
    const auditor = await begin(await receiverOf(parts, asked.request))
    const place = { task: first.task.id, branch: first.task.spec.branch }
    expect((await auditor.call('read_inbox')).messages).toMatchObject([
      { payload: { ...place, commit: head } },
    ])
    expect(auditor.task.spec).toMatchObject({
      from: head,
      profile: 'security-auditor',
      origin: { kind: 'validation' },
    })
    const text = 'Passwords are logged'
    await expect(auditor.call('answer', { request: asked.request, text })).rejects.toThrow('verdict')
    const finding = { title: 'Log', severity: 'high', description: text, file: 'login.ts', line: 1 }
    await auditor.call('answer', { request: asked.request, verdict: 'refused', text, findings: [finding] })
    const refusal = { payload: { verdict: 'refused', commit: head, findings: [finding] } }
    expect(await first.call('request_validation', order)).toMatchObject({ answered: true, answer: refusal })

    const mended = await first.commit({ 'login.ts': 'good\n' })
    const again = await first.call('request_validation', {
      ...order,
      capability: undefined,
      to: auditor.task.id,
    })
    expect(again.request).not.toBe(asked.request)
    await auditor.call('answer', { request: again.request, verdict: 'approved', text: 'Well done' })
    expect((await first.call('read_inbox')).messages).toContainEqual(
      expect.objectContaining({
        payload: { verdict: 'approved', summary: 'Well done', commit: mended, findings: [] },
      }),
    )
  })

  test('a question has no verdict', async () => {
    const { first, other } = await pair()
    const { request } = await first.call('request_assistance', { question: 'x', to: other.task.id, wait: 0 })
    const verdict = { request, text: 'x', verdict: 'approved' }
    await expect(other.call('answer', verdict)).rejects.toMatchObject({ code: 'E_INVALID' })
  })
})

describe('discoveries, topics, who is there', () => {
  test('a discovery reaches all of the run once, or a topic', async () => {
    const { first, other } = await pair()
    const found = {
      kind: 'finding',
      title: 'SQL',
      text: 'Not escaped',
      severity: 'high',
      files: ['a.ts', 'b.ts'],
    }
    expect(await first.call('share_discovery', found)).toMatchObject({ receivers: 1 })
    await first.call('share_discovery', found)
    await first.call('share_discovery', { kind: 'pattern', title: 'Ports', text: 'In ports/' })
    await first.call('share_discovery', { kind: 'warning', title: 'Trap', text: 'Do not run x' })
    expect(
      await first.call('share_discovery', { kind: 'tip', title: 'T', text: 'x', topic: 'perf' }),
    ).toMatchObject({ receivers: 0 })
    expect((await other.call('read_inbox')).messages).toMatchObject([
      {
        type: 'finding_report',
        payload: {
          title: 'SQL',
          severity: 'high',
          file: 'a.ts',
          description: expect.stringContaining('b.ts'),
        },
      },
      { type: 'pattern_discovered', payload: { name: 'Ports', description: 'In ports/' } },
      { type: 'warning', payload: { text: 'Trap\nDo not run x', severity: 'medium' } },
    ])
  })

  test('topics are added and left', async () => {
    const { first } = await team()
    expect(await first.call('subscribe', { topics: ['b', 'a'] })).toEqual({ topics: ['b', 'a'] })
    expect(await first.call('subscribe', { topics: ['c'], leave: ['b'] })).toEqual({ topics: ['a', 'c'] })
    expect(await first.call('subscribe')).toEqual({ topics: ['a', 'c'] })
  })

  test('who works in the run and what could be started is listed, also by capability', async () => {
    const { parts, first, other } = await pair()
    await parts.store.tasks.wait(other.fence, parts.clock.now(), 'message')
    const { agents, profiles } = await first.call('list_agents')
    expect(agents).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: first.attempt.agent, you: true, state: 'working' }),
        expect.objectContaining({
          name: other.attempt.agent,
          profile: 'reviewer',
          state: 'waiting',
          waitingFor: 'message',
        }),
      ]),
    )
    expect(profiles).toContainEqual(expect.objectContaining({ name: 'database-optimizer' }))
    const some = await first.call('list_agents', { capability: 'code-review' })
    expect(some.agents).toMatchObject([{ name: other.attempt.agent }])
    expect((some.profiles as { name: string }[]).map(({ name }) => name)).toEqual([
      'reviewer',
      'security-auditor',
    ])
    await send(parts, { mailbox: 'person' }, { to: other.task.id, type: 'warning', payload: { text: 'x' } })
    expect((await other.call('read_inbox')).messages).toMatchObject([{ from: 'person' }])
  })
})

async function receiverOf(parts: Awaited<ReturnType<typeof team>>['parts'], id: unknown): Promise<TaskId> {
  return (await parts.store.mailboxes.get(String(id)))?.message.to as TaskId
}
