import { expect, it } from 'vitest'
import { createJsonLines, readable, shorten, toolInput } from './json-lines.ts'

it('survives a reader that throws, and notes each kind once', () => {
  const line = createJsonLines({
    read: ({ type }) => {
      if (type === 'known') return [{ type: 'message', text: 'it' }]
      if (type === 'odd') throw new Error('odd')
      return undefined
    },
  })
  expect(line('{"type":"odd","x":1}').events).toEqual([
    { type: 'note', text: 'event of a changed shape: odd: {"type":"odd","x":1}' },
  ])
  expect(line('{"type":"odd","x":2}').events).toEqual([])
  expect(line('{"type":"new"}').events).toEqual([{ type: 'note', text: 'unknown event: new' }])
  expect(line('{"type":"new"}').events).toEqual([])
  expect(line('{"type":"known"}')).toEqual({ events: [{ type: 'message', text: 'it' }], text: 'it' })
})

it('keeps long texts short, without half characters', () => {
  expect(shorten('🎉'.repeat(10), 6)).toBe('🎉🎉\ufffd…')
  expect(toolInput({ command: 'x'.repeat(5_000) })).toHaveLength(1_000)
  expect(toolInput({ path: 'a/b', more: 1 })).toBe('a/b')
  expect(toolInput(undefined)).toBe('""')
})

it('is readable without control characters', () => {
  expect(readable({ type: 'tool.called', id: '1', name: 'Ba\u001b[31msh', input: 'a\nb', ok: false })).toBe(
    '● Bash a b ✗',
  )
  expect(readable({ type: 'waiting', for: 'permission', about: 'rm' })).toBe('? waiting for permission: rm')
})
