import { expect, it } from 'vitest'
import { streamOf } from '../../../test/contract/driver-case.ts'
import { createPiReader } from './reader.ts'

const ENDED = { phase: 'agent', status: 1 } as const

it.each([
  ["No session found matching '01a1fc76'", { code: 'session-gone' }],
  ['No API key found for openai.', { code: 'login-refused' }],
  ['Error: Unknown provider "nope".', { code: 'no-result' }],
])('ends with %j', (words, reason) => {
  expect(createPiReader().outcome(ENDED, words)).toMatchObject({ kind: 'failed', reason })
})

it('begins again by itself: what failed before does not count', () => {
  const reader = createPiReader()
  const retried = streamOf('pi', 'api-down')
  const events = [...retried.slice(0, -1), ...streamOf('pi', 'good-turn').slice(1)].flatMap(
    (line) => reader.line(line).events,
  )
  expect(events).toContainEqual({
    type: 'note',
    text: expect.stringContaining('500 scripted error), try 1 of 3'),
  })
  expect(reader.outcome(ENDED)).toEqual({ kind: 'reported', summary: 'Added hello.txt.' })
})

it('has no cost when it knows no price', () => {
  const reader = createPiReader()
  const free = streamOf('pi', 'good-turn').map((line) => line.replace(/"total":0\.\d+/g, '"total":0'))
  const usage = free.flatMap((line) => reader.line(line).events).find(({ type }) => type === 'usage')
  expect(usage).toMatchObject({ usage: { inputTokens: 2_000 } })
  expect(JSON.stringify(usage)).not.toContain('costUsd')
})
