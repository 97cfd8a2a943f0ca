import { expect, test } from 'vitest'
import { handlersFor } from '../../test/support/daemon-handlers.ts'
import { openTableJournal } from '../../test/support/table-journal.ts'
import { OrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Handlers, MAX_BODY, type RouteName, routes } from './contract.ts'
import { routeTable } from './route-table.ts'
import { createApi } from './server.ts'

interface Line {
  message: string
  fields: Record<string, unknown>
}

function api(given: Partial<Handlers> = {}) {
  const lines: Line[] = []
  const write = (message: string, fields = {}) => void lines.push({ message, fields })
  const log: Log = { debug: write, info: write, warn: write, error: write }
  const journal = openTableJournal(':memory:')
  const app = createApi({ handlers: handlersFor(given), journal, log, checkAnswers: true })
  return { app, lines, journal }
}

const post = (body: unknown, headers: Record<string, string> = {}) => ({
  method: 'POST',
  body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
})
const submit = { requestId: 'request-1', repo: '/repo', tasks: [{ description: 'do it' }] }

async function refusal(answer: Response) {
  const { error } = (await answer.json()) as { error: { code: string; message: string; details?: unknown } }
  return { status: answer.status, ...error }
}

test('every verb of the contract is in the table of routes, and the other way round', () => {
  expect(Object.keys(routes).sort()).toEqual(Object.keys(routeTable).sort())
  for (const name of Object.keys(routes) as RouteName[]) expect(routes[name]).toMatchObject(routeTable[name])
})

test('no two verbs share method and path', () => {
  const addresses = Object.values(routeTable).map(({ method, path }) => `${method} ${path}`)
  expect(new Set(addresses).size).toBe(addresses.length)
})

test('every verb reaches its handler', async () => {
  const reached: string[] = []
  const handler = (name: string) => async () => {
    reached.push(name)
    throw new OrchError('E_STATE', name)
  }
  const names = Object.keys(routes) as RouteName[]
  const { app } = api(Object.fromEntries(names.map((name) => [name, handler(name)])))
  const repo = '/repo'
  const bodies: Partial<Record<RouteName, unknown>> = {
    submit,
    say: { text: 'hello' },
    permit: { allow: true },
    approveMcpServers: { repo, names: ['docs'] },
    revokeMcpServers: { repo, names: ['docs'] },
    merge: { repo },
    openPull: { repo, head: 'work', base: 'main', title: 'Work' },
    review: { repo, author: 'me', verdict: 'approve' },
    check: { repo, name: 'build', state: 'success', commit: 'a'.repeat(40) },
    backup: { file: '/backup' },
    sendMessage: { to: 't-1', type: 'warning', payload: { text: 'mind the gap' } },
    openMailbox: { name: 'builds', reader: 'one' },
    closeMailbox: { reader: 'one' },
    receive: { reader: 'one' },
    acknowledge: { ids: ['m-000001'] },
    giveBack: { reader: 'one', ids: ['m-000001'] },
    handOver: { goal: 'Go on', profile: 'worker' },
    redriveDeadLetters: { ids: ['m-000001'] },
    dropDeadLetters: { ids: ['m-000001'] },
  }
  for (const name of names) {
    const { method, path } = routeTable[name]
    const url = `${path.replace(':id', 't-100000').replace(':number', '1').replace(':tool', 'get_task').replace(':name', 'general')}?repo=/repo`
    const answer = await app.request(
      url,
      method === 'POST' ? post(bodies[name] ?? {}, { authorization: 'Bearer it' }) : {},
    )
    expect(await refusal(answer), name).toMatchObject({ status: 409, code: 'E_STATE', message: name })
  }
  expect(reached).toEqual(names)
})

test('a handler gets what the schemas made of the request', async () => {
  let seen: unknown
  const { app } = api({
    log: async (input) => {
      seen = input
      return { text: 'x', next: 1, ended: false }
    },
  })
  const answer = await app.request('/v1/tasks/t-1/log?from=12&unknown=1')
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ text: 'x', next: 1, ended: false })
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(seen).toEqual({ params: { id: 't-1' }, query: { from: 12 } })
})

test.each([
  ['GET /v1/runs?limit=many', 'query.limit'],
  ['GET /v1/runs?limit=0', 'query.limit'],
  ['GET /v1/runs?limit=1.5', 'query.limit'],
  ['GET /v1/status?repo=relative', 'query.repo'],
  ['GET /v1/status?repo=/a%00b', 'query.repo'],
  ['GET /v1/pulls', 'query.repo'],
  ['GET /v1/pulls/-1?repo=/r', 'path.number'],
  ['GET /v1/pulls/1e400?repo=/r', 'path.number'],
  ['GET /v1/runs/t-UPPER', 'path.id'],
  ['GET /v1/tasks/..%2f..%2fetc%2fpasswd', 'path.id'],
  ['GET /v1/tasks/%2e%2e%5c', 'path.id'],
  ['GET /v1/tasks/%ff%fe', 'path.id'],
  ['GET /v1/tasks/a%0ab', 'path.id'],
  ['GET /v1/tasks/%1b%5b31m', 'path.id'],
  [`GET /v1/tasks/${'a'.repeat(65)}`, 'path.id'],
  ['GET /v1/tasks/t-1/log?from=-1', 'query.from'],
  ['GET /v1/events?after=-1', 'query.after'],
  ['GET /v1/events?after=x', 'query.after'],
  ['GET /v1/events?run=../x', 'query.run'],
  ['GET /v1/events?types=a,,b', 'query.types'],
])('%s names %s', async (request, field) => {
  const [method = '', path = ''] = request.split(' ')
  const answer = await refusal(await api().app.request(path, { method }))
  expect(answer).toMatchObject({ status: 400, code: 'E_INVALID' })
  expect(answer.message).toContain(field)
})

test.each([
  ['body.tasks', { ...submit, tasks: [] }],
  ['body.tasks', { ...submit, tasks: 'all' }],
  ['body.tasks.0.description', { ...submit, tasks: [{ description: 1 }] }],
  ['body.tasks.0.description', { ...submit, tasks: [{ description: 'a\0b' }] }],
  ['body.tasks.0.description', { ...submit, tasks: [{ description: 'x'.repeat(200_001) }] }],
  ['body.tasks.0.base', { ...submit, tasks: [{ description: 'x', base: '../../etc' }] }],
  ['body.tasks.0.profile', { ...submit, tasks: [{ description: 'x', profile: '../x' }] }],
  ['body.tasks.0.tries', { ...submit, tasks: [{ description: 'x', tries: '3' }] }],
  ['body', { ...submit, surprise: true }],
  ['body.env', { ...submit, env: { 'a b': 'c' } }],
  ['body.env', { ...submit, env: [] }],
  ['body', []],
  ['body', null],
  ['body', 7],
])('a body is checked: %s', async (field, body) => {
  const answer = await refusal(await api().app.request('/v1/runs', post(body)))
  expect(answer).toMatchObject({ status: 400, code: 'E_INVALID' })
  expect(answer.message).toContain(field)
})

test('names that the caller chose come back without control characters, and cut', async () => {
  const key = `\u001b[31m${'x'.repeat(100_000)}`
  const answer = await refusal(await api().app.request('/v1/runs', post({ ...submit, [key]: 1 })))
  expect(answer.message).not.toContain('\u001b')
  expect(answer.message.length).toBeLessThan(600)
})

test('no key of a body reaches a prototype', async () => {
  let seen: Record<string, unknown> = {}
  const { app } = api({
    submit: async ({ body }) => {
      seen = body.env
      throw new OrchError('E_STATE', 'seen')
    },
  })
  const text = JSON.stringify(submit).replace(/}$/, ',"env":{"__proto__":"x","HOME":"/h"}}')
  await app.request('/v1/runs', post(text))
  expect(Object.entries(seen)).toEqual([['HOME', '/h']])
  expect(({} as Record<string, unknown>).x).toBeUndefined()
})

test.each([
  ['broken', '{"repo":'],
  ['not UTF-8', new Uint8Array([0x22, 0xff, 0xfe, 0x22])],
  ['nested without end', '['.repeat(1_000_000)],
])('JSON that is %s', async (_, body) => {
  const answer = await refusal(await api().app.request('/v1/runs', post(body)))
  expect(answer).toMatchObject({ status: 400, code: 'E_INVALID', message: 'body: expected JSON in UTF-8' })
})

test('only JSON is taken as a body: no form of a foreign page', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', '']) {
    const answer = await refusal(await api().app.request('/v1/runs', post(submit, { 'content-type': type })))
    expect(answer).toMatchObject({ status: 400, code: 'E_INVALID' })
    expect(answer.message).toContain('application/json')
  }
  const charset = post({ file: '/b' }, { 'content-type': 'application/json; charset=utf-8' })
  expect((await api().app.request('/v1/store/backup', charset)).status).toBe(200)
})

test('a body that is absent is an empty one', async () => {
  expect((await api().app.request('/v1/cleanup', { method: 'POST' })).status).toBe(200)
})

test('a body above the limit', async () => {
  const answer = await refusal(await api().app.request('/v1/runs', post('x'.repeat(MAX_BODY + 1))))
  expect(answer).toMatchObject({ status: 413, code: 'E_TOO_LARGE' })
})

test.each([
  '/',
  '/v1',
  '/v1/nothing',
  '/v2/status',
  '/v1/tasks',
  '/v1/tasks/t-1/unknown',
  '/v1/../etc/passwd',
])('no such path: %s', async (path) => {
  expect(await refusal(await api().app.request(path))).toMatchObject({ status: 404, code: 'E_NOT_FOUND' })
})

test('a verb answers to its own method only', async () => {
  expect((await api().app.request('/v1/health', { method: 'POST' })).status).toBe(404)
  expect((await api().app.request('/v1/stop')).status).toBe(404)
})

test('an OrchError is answered with its status and all that it says', async () => {
  const thrown = new OrchError('E_AMBIGUOUS', 'two tasks', { fix: 'say more', details: { ids: ['t-1'] } })
  const { app } = api({ task: () => Promise.reject(thrown) })
  const answer = await app.request('/v1/tasks/t-1')
  expect(answer.status).toBe(409)
  expect(await answer.json()).toEqual({ error: thrown.toBody() })
})

test('an unexpected error keeps its story in the log', async () => {
  const { app, lines } = api({ status: () => Promise.reject(new TypeError('secret inside')) })
  const answer = await app.request('/v1/status')
  const text = await answer.text()
  expect(answer.status).toBe(500)
  expect(text).not.toContain('secret inside')
  expect(text).not.toContain('.ts')
  const { details } = JSON.parse(text).error
  expect(lines).toEqual([
    { message: 'unexpected error', fields: expect.objectContaining({ id: details.id, path: '/v1/status' }) },
  ])
})

test('an answer that breaks the contract is a bug that tests find', async () => {
  const { app } = api({ health: async () => ({ ok: true, version: 7 }) as never })
  expect((await app.request('/v1/health')).status).toBe(500)
})
