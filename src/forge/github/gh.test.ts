import { describe, expect, test } from 'vitest'
import type { Argv, ExecOptions, ExecResult } from '../../exec.ts'
import { isRetryable } from './failure.ts'
import { apiArgv, createGh, parseAnswer } from './gh.ts'

const NOW = Date.UTC(2026, 10, 21)
const ENDED: ExecResult = {
  code: 0,
  killedBy: null,
  stdout: '',
  stderr: '',
  timedOut: false,
  truncated: false,
}

function scripted(result: Partial<ExecResult>) {
  const calls: { argv: Argv; options: ExecOptions }[] = []
  const exec = async (argv: Argv, options: ExecOptions) => {
    calls.push({ argv, options })
    return { ...ENDED, ...result }
  }
  return { calls, gh: createGh({ exec, env: { GH_FORCE_TTY: '1', HOME: '/h' }, now: () => NOW }) }
}

const failureOf = (result: Partial<ExecResult>) =>
  scripted(result)
    .gh.rest('github.com', { path: 'repos/o/r', what: 'repository o/r' })
    .then(
      () => expect.fail('it went well'),
      (error) => error,
    )

test('a request is arguments and standard input, never a shell', async () => {
  const { gh, calls } = scripted({ stdout: 'HTTP/2.0 200 OK\n\n{}' })
  await gh.rest('ghe.example.org', { method: 'POST', path: 'p', body: { a: '$(id)' }, what: 'it' })
  expect(calls[0]?.argv).toEqual(
    apiArgv('ghe.example.org', { method: 'POST', path: 'p', body: {}, what: '' }),
  )
  expect(calls[0]?.argv.slice(-3)).toEqual(['--input', '-', 'p'])
  expect(calls[0]?.options).toMatchObject({ input: '{"a":"$(id)"}', cwd: '/' })
  expect(calls[0]?.options.env).toEqual({
    HOME: '/h',
    GH_PROMPT_DISABLED: '1',
    GH_NO_UPDATE_NOTIFIER: '1',
    NO_COLOR: '1',
    LC_ALL: 'C',
  })
})

describe('answers', () => {
  test.each([
    ['gh 2.23', 'HTTP/1.1 200 OK\r\nX-RateLimit-Reset: 12\r\nA: b: c\r\n\r\n{"x":1}'],
    ['line feeds alone', 'HTTP/2.0 200 OK\nX-RateLimit-Reset: 12\nA: b: c\n\n{"x":1}'],
  ])('%s', (_, stdout) => {
    expect(parseAnswer(stdout)).toEqual({
      status: 200,
      headers: { 'x-ratelimit-reset': '12', a: 'b: c' },
      body: '{"x":1}',
    })
  })

  test('a body with empty lines, an empty body, no answer', () => {
    expect(parseAnswer('HTTP/2.0 200 OK\r\nA: b\r\n\r\n\n\ndiff --git\n\n')?.body).toBe('\n\ndiff --git\n\n')
    expect(parseAnswer('HTTP/2.0 204 No Content\r\n\r\n')).toEqual({ status: 204, headers: {}, body: '' })
    expect(parseAnswer('')).toBeUndefined()
    expect(parseAnswer('unknown flag: --include')).toBeUndefined()
  })
})

describe('failures', () => {
  const http = (status: number, message: string, headers = '') =>
    failureOf({ code: 1, stdout: `HTTP/2.0 ${status} X\r\n${headers}\r\n${JSON.stringify({ message })}` })

  test.each([
    [401, 'Bad credentials', 'E_FORGE_LOGIN', false],
    [403, 'Resource not accessible by personal access token', 'E_FORGE_LOGIN', false],
    [403, 'You have exceeded a secondary rate limit', 'E_FORGE', true],
    [404, 'Not Found', 'E_NOT_FOUND', false],
    [422, 'Validation Failed', 'E_FORGE', false],
    [429, 'Too many requests', 'E_FORGE', true],
    [502, 'Bad gateway', 'E_FORGE', true],
  ])('%i %s is %s', async (status, message, code, again) => {
    const error = await http(status, message)
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
    expect(isRetryable(error)).toBe(again)
  })

  test('when a limit ends: retry-after, then the reset time, then an hour', async () => {
    const limited = (headers: string) => http(429, 'rate limit', headers)
    expect((await limited('Retry-After: 7\r\n')).details.resetAt).toBe(NOW + 7_000)
    expect((await limited('X-RateLimit-Reset: 1795000000\r\n')).details.resetAt).toBe(1_795_000_000_000)
    expect((await limited('')).details.resetAt).toBe(NOW + 3_600_000)
  })

  test.each([
    [{ code: 4, stderr: 'To get started with GitHub CLI, please run:  gh auth login' }, 'E_FORGE_LOGIN'],
    [{ code: 1, stderr: 'error connecting to api.github.com' }, 'E_FORGE'],
    [{ code: null, timedOut: true }, 'E_FORGE'],
    [{ stdout: 'HTTP/2.0 200 OK\r\n\r\n{', truncated: true }, 'E_FORGE'],
  ])('gh ends with %j', async (result, code) => {
    expect(await failureOf(result)).toMatchObject({ code })
  })
})

describe('GraphQL', () => {
  const graphql = (errors: object[]) => {
    const stdout = `HTTP/2.0 200 OK\r\n\r\n${JSON.stringify({ data: { a: 1 }, errors })}`
    return scripted({ code: 1, stdout }).gh.graphql('github.com', '{ a }', {})
  }

  test.each([
    ['RATE_LIMITED', 'E_FORGE'],
    ['NOT_FOUND', 'E_NOT_FOUND'],
    ['FORBIDDEN', 'E_FORGE_LOGIN'],
    ['INSUFFICIENT_SCOPES', 'E_FORGE_LOGIN'],
    ['SOMETHING_NEW', 'E_FORGE'],
  ])('%s is %s', async (type, code) => {
    await expect(graphql([{ type, message: 'm' }])).rejects.toMatchObject({ code })
  })

  test('rules that the login may not read are no failure', async () => {
    const path = ['repository', 'pullRequest', 'baseRef', 'refUpdateRule']
    expect(await graphql([{ type: 'FORBIDDEN', message: 'm', path }])).toEqual({ a: 1 })
  })
})
