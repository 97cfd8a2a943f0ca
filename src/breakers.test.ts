import { expect, it } from 'vitest'
import { type Calls, createBreakers, through } from './breakers.ts'
import { OrchError } from './errors.ts'

const CALLS: Calls = { code: 'E_FORGE', isFault: ({ code }) => code === 'E_FORGE' }

function open() {
  let now = 1_000
  const breakers = createBreakers({ clock: { now: () => now }, failures: 2, seconds: 10, changed: () => {} })
  const turn = (ms: number) => {
    now += ms
  }
  return { breakers, turn }
}
const down = async () => {
  throw new OrchError('E_FORGE', 'no answer', { details: { status: 502 } })
}

it('keeps them apart by name, and lists them in order', async () => {
  const { breakers } = open()
  await breakers.of('mcp b').note(1, { fault: 'x' })
  expect(breakers.of('mcp a').view().failures).toBe(0)
  expect(breakers.of('mcp b')).toBe(breakers.of('mcp b'))
  expect(breakers.all().map(({ name, failures }) => [name, failures])).toEqual([
    ['mcp a', 0],
    ['mcp b', 1],
  ])
})

it('gives answers and errors as they are while it is closed', async () => {
  const { breakers } = open()
  const breaker = breakers.of('forge')
  expect(await through(breaker, CALLS, async () => 7)).toBe(7)
  await expect(through(breaker, CALLS, down)).rejects.toMatchObject({ details: { status: 502 } })
  for (const code of ['E_NOT_FOUND', 'E_INVALID', 'E_CONFLICT'] as const)
    await expect(through(breaker, CALLS, () => Promise.reject(new OrchError(code, 'no')))).rejects.toThrow(
      'no',
    )
  await expect(through(breaker, CALLS, () => Promise.reject(new TypeError('bug')))).rejects.toThrow(TypeError)
  expect(breaker.view()).toMatchObject({ state: 'closed', failures: 1 })
})

it('refuses at once while it is open, with the code of the fault, until when and what to do', async () => {
  const { breakers, turn } = open()
  const breaker = breakers.of('forge')
  for (let i = 0; i < 2; i++) await expect(through(breaker, CALLS, down)).rejects.toThrow('no answer')
  let calls = 0
  const call = async () => ++calls
  await expect(through(breaker, CALLS, call)).rejects.toMatchObject({
    code: 'E_FORGE',
    message: 'forge is out of order: it failed 2 times in a row, last with: no answer',
    fix: expect.stringContaining('1970-01-01T00:00:11.000Z'),
    details: { retryable: true, breaker: 'forge', until: 11_000 },
  })
  expect(calls).toBe(0)
  turn(10_000)
  // a fault of the trial says so: whoever made it is not to blame
  await expect(through(breaker, CALLS, down)).rejects.toMatchObject({
    message: 'no answer',
    details: { status: 502, breaker: 'forge' },
  })
  turn(20_000)
  const first = through(breaker, CALLS, call)
  await expect(through(breaker, CALLS, call)).rejects.toMatchObject({
    fix: expect.stringContaining('right now'),
  })
  expect(await first).toBe(1)
  expect(await through(breaker, CALLS, call)).toBe(2)
})
