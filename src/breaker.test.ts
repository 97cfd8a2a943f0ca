import { expect, it } from 'vitest'
import { type Breaker, type BreakerView, createBreaker } from './breaker.ts'

const SECOND = 1_000
const fault = (why = 'down') => ({ fault: why })

function open(options: { failures?: number; seconds?: number } = {}) {
  let now = 5_000_000
  const changes: BreakerView[] = []
  const breaker = createBreaker('driver x', {
    clock: { now: () => now },
    failures: 3,
    seconds: 30,
    changed: (view) => void changes.push(view),
    ...options,
  })
  const turn = (seconds: number) => {
    now += seconds * SECOND
  }
  return { breaker, changes, turn, now: () => now }
}

async function fail(breaker: Breaker, times: number, first = 0) {
  for (let i = 0; i < times; i++) {
    const holder = `h${first + i}`
    expect(breaker.admits(holder)).toBe(true)
    await breaker.note(holder, fault(`down ${first + i}`))
  }
}

it('begins closed and lets all through at once', () => {
  const { breaker, changes } = open()
  expect(['a', 'b', 'c', 'd'].every((holder) => breaker.admits(holder))).toBe(true)
  expect(breaker.view()).toEqual({ name: 'driver x', state: 'closed', failures: 0 })
  expect(changes).toEqual([])
})

it('opens after failures in a row, and says why and until when', async () => {
  const { breaker, changes, now } = open()
  await fail(breaker, 2)
  expect(breaker.view()).toMatchObject({ state: 'closed', failures: 2, error: 'down 1' })
  await fail(breaker, 1, 2)
  const view = { name: 'driver x', state: 'open', failures: 3, until: now() + 30 * SECOND, error: 'down 2' }
  expect(breaker.view()).toEqual(view)
  expect(changes).toEqual([view])
  expect(breaker.admits('late')).toBe(false)
})

it('a success between failures begins the count anew; what tells nothing changes nothing', async () => {
  const { breaker } = open()
  await fail(breaker, 2)
  await breaker.note('n', 'nothing')
  expect(breaker.view().failures).toBe(2)
  await breaker.note('o', 'ok')
  await fail(breaker, 2)
  expect(breaker.view().state).toBe('closed')
  await fail(breaker, 1)
  expect(breaker.view().state).toBe('open')
})

it('half-open lets exactly one through, and its success closes', async () => {
  const { breaker, changes, turn } = open()
  await fail(breaker, 3)
  turn(29.9)
  expect(breaker.admits('early')).toBe(false)
  turn(0.1)
  const admitted = Array.from({ length: 50 }, (_, i) => `h${i}`).filter((holder) => breaker.admits(holder))
  expect(admitted).toEqual(['h0'])
  expect(breaker.admits('h0')).toBe(true) // it may ask again: the same stage is done again after a fault of the machine
  expect(breaker.view()).toMatchObject({ state: 'half-open', failures: 3 })
  expect(await breaker.note('h7', 'ok')).toBe(false)
  expect(await breaker.note('h8', fault())).toBe(false)
  expect(breaker.view().state).toBe('half-open')
  expect(await breaker.note('h0', 'ok')).toBe(true)
  expect(breaker.view()).toEqual({ name: 'driver x', state: 'closed', failures: 0 })
  expect(changes.map(({ state }) => state)).toEqual(['open', 'closed'])
  await fail(breaker, 2)
  expect(breaker.view().state).toBe('closed')
})

it('each trial that fails doubles the time, up to ten minutes; closing begins anew', async () => {
  const { breaker, changes, turn, now } = open()
  await fail(breaker, 3)
  const pauses: number[] = []
  for (let i = 0; i < 7; i++) {
    const pause = ((breaker.view().until ?? 0) - now()) / SECOND
    pauses.push(pause)
    turn(pause)
    expect(breaker.admits(i)).toBe(true)
    expect(await breaker.note(i, fault())).toBe(true)
  }
  expect(pauses).toEqual([30, 60, 120, 240, 480, 600, 600])
  expect(changes).toHaveLength(8)
  expect(breaker.view()).toMatchObject({ state: 'open', failures: 10 })
  turn(600)
  breaker.admits('last')
  await breaker.note('last', 'ok')
  await fail(breaker, 3)
  expect(breaker.view().until).toBe(now() + 30 * SECOND)
})

it('a setting above ten minutes is kept', async () => {
  const { breaker, turn, now } = open({ failures: 1, seconds: 3_000 })
  await fail(breaker, 1)
  turn(3_000)
  await fail(breaker, 1)
  expect(breaker.view().until).toBe(now() + 3_000 * SECOND)
})

it('a trial that told nothing leaves the place to the next, at once and without a word', async () => {
  const { breaker, changes, turn } = open()
  await fail(breaker, 3)
  turn(30)
  expect(breaker.admits('cancelled')).toBe(true)
  expect(await breaker.note('cancelled', 'nothing')).toBe(true)
  expect(breaker.view()).toMatchObject({ state: 'open', failures: 3 })
  expect(breaker.admits('next')).toBe(true)
  expect(breaker.admits('other')).toBe(false)
  await breaker.note('next', fault())
  expect(changes.map(({ state }) => state)).toEqual(['open', 'open'])
  turn(59)
  expect(breaker.admits('early')).toBe(false) // the second time, so twice as long
  turn(1)
  expect(breaker.admits('third')).toBe(true)
})

it('stragglers from before it opened count for nothing', async () => {
  const { breaker, turn } = open()
  for (const holder of 'abcdef') breaker.admits(holder)
  for (const holder of 'abcd') await breaker.note(holder, fault())
  await breaker.note('e', 'ok')
  expect(breaker.view()).toMatchObject({ state: 'open', failures: 3 })
  turn(30)
  breaker.admits('trial')
  await breaker.note('f', 'ok')
  expect(breaker.view().state).toBe('half-open')
})

it('many failures at the same moment open it once', async () => {
  const { breaker, changes } = open()
  await Promise.all(Array.from({ length: 20 }, (_, i) => breaker.note(i, fault())))
  expect(changes).toHaveLength(1)
  expect(breaker.view().state).toBe('open')
})

it('is closed by who has seen that it works, and a trial of before has no say any more', async () => {
  const { breaker, changes, turn } = open()
  await fail(breaker, 3)
  turn(30)
  breaker.admits('trial')
  breaker.close()
  breaker.close()
  expect(breaker.view()).toEqual({ name: 'driver x', state: 'closed', failures: 0 })
  expect(changes.map(({ state }) => state)).toEqual(['open', 'closed'])
  await breaker.note('trial', fault())
  expect(breaker.view()).toMatchObject({ state: 'closed', failures: 1 })
})

it('who is refused asks again after it is due, each at another time', async () => {
  const { breaker, turn, now } = open()
  await fail(breaker, 3)
  expect([0, 0.5, 1].map((fraction) => breaker.askAgainAt(fraction) - now())).toEqual([
    30_000, 37_500, 45_000,
  ])
  turn(30)
  breaker.admits('trial')
  expect([0, 1].map((fraction) => breaker.askAgainAt(fraction) - now())).toEqual([15_000, 30_000])
})

it('an error that is a book is cut', async () => {
  const { breaker } = open()
  await breaker.note('a', fault('x'.repeat(10_000)))
  expect(breaker.view().error).toHaveLength(500)
})
