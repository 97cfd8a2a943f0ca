import { expect, it } from 'vitest'
import { createLineSplitter } from './feed.ts'

const bytes = (text: string) => Buffer.from(text)

it('gives whole lines, wherever the pieces were cut, also within a character', () => {
  const whole = bytes('{"a":"ä🚀"}\nsecond\nrest')
  for (let cut = 0; cut <= whole.length; cut++) {
    const lines = createLineSplitter()
    const given = [...lines.push(whole.subarray(0, cut)), ...lines.push(whole.subarray(cut))]
    expect(given).toEqual(['{"a":"ä🚀"}', 'second'])
    expect(lines.pending()).toBe(4)
    expect(lines.rest()).toBe('rest')
    expect(lines.rest()).toBe('')
  }
})

it('cuts a line that never ends', () => {
  const lines = createLineSplitter(10)
  expect(lines.push(bytes('12345'))).toEqual([])
  expect(lines.push(bytes('678901'))).toEqual(['12345678901'])
  expect(lines.pending()).toBe(0)
})
