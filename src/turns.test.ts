import { expect, it } from 'vitest'
import { createTurns } from './turns.ts'

it('lets work of one key go one after the other, also after a failure, and other keys beside it', async () => {
  const inTurn = createTurns()
  const story: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = inTurn('a', async () => {
    story.push('first begins')
    await gate.promise
    story.push('first fails')
    throw new Error('no')
  })
  const second = inTurn('a', async () => story.push('second'))
  await inTurn('b', async () => story.push('beside'))
  gate.resolve()
  await expect(first).rejects.toThrow('no')
  await second
  expect(story).toEqual(['first begins', 'beside', 'first fails', 'second'])
})
