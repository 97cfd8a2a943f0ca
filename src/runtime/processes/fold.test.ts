import { expect, test } from 'vitest'
import { fold, keyOf } from './fold.ts'
import type { Measured } from './scan.ts'

const process = (pid: number, parent: number, session: number, mark?: string): Measured => ({
  pid,
  parent,
  session,
  start: `s${pid}`,
  ...(mark && { mark }),
  rssBytes: 1,
  cpuMs: 1,
  zombie: false,
})
const SELF = 50
const own = process(SELF, 1, SELF)
const folded = (all: Measured[], before = new Map<string, string>()) =>
  Object.fromEntries([...fold(all, before, SELF)].map(([agent, them]) => [agent, them.map(({ pid }) => pid)]))

test('by mark, and everything below it', () => {
  const all = [
    process(12, 11, 12),
    process(11, 10, 11),
    process(10, 1, 10, 'a'),
    process(20, 1, 20, 'b'),
    own,
  ]
  expect(folded(all)).toEqual({ a: [12, 11, 10], b: [20] })
})

test('the nearest mark counts: an agent that another agent has started is its own', () => {
  expect(folded([process(10, 1, 10, 'a'), process(11, 10, 10, 'b'), process(12, 11, 10)])).toEqual({
    a: [10],
    b: [11, 12],
  })
})

test('by session, when the parent went away, and what is below that', () => {
  const all = [process(10, 9, 9, 'a'), process(11, 1, 9), process(12, 11, 12), process(9, 1, 9)]
  expect(folded(all)).toEqual({ a: [10, 11, 12, 9] })
})

test('a session of two agents says nothing, nor does our own', () => {
  const all = [process(10, 1, 9, 'a'), process(11, 1, 9, 'b'), process(12, 1, 9)]
  expect(folded(all)).toEqual({ a: [10], b: [11] })
  expect(folded([own, process(60, SELF, SELF, 'a'), process(61, SELF, SELF)])).toEqual({ a: [60] })
})

test('what was once an agent’s stays so; a pid that is used again does not', () => {
  const before = new Map([[keyOf({ pid: 30, start: 's30' }), 'a']])
  expect(folded([process(30, 1, 30), process(31, 30, 31)], before)).toEqual({ a: [30, 31] })
  expect(folded([{ ...process(30, 1, 30), start: 'later' }], before)).toEqual({})
})

test('nothing comes down through this process, even when it is an agent’s itself', () => {
  expect(folded([{ ...own, mark: 'a' }, process(60, SELF, 60)])).toEqual({})
})

test('parents in a circle are survived', () => {
  expect(folded([process(10, 11, 10), process(11, 10, 11)])).toEqual({})
})
