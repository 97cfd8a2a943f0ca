import { execFileSync } from 'node:child_process'
import { assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LaunchSpec } from './runtime.ts'
import { HEAD_BYTES, parseHead, quote, specScript } from './spec.ts'

const spec: LaunchSpec = {
  agent: 'a-1',
  argv: ['p'],
  env: {},
  cwd: '/',
  stdin: 'none',
  prompt: '',
  setup: [],
}
const refusal = (change: Partial<LaunchSpec>) => {
  try {
    return void specScript({ ...spec, ...change })
  } catch (error) {
    return (error as { code: string }).code
  }
}

test.each(['dash', 'bash'])('any text without NUL goes through %s and back', (shell) => {
  const texts: string[] = [
    "'",
    "''",
    '\\',
    '\n',
    '$(id)',
    '`id`',
    '#(touch x)',
    '\ud800',
    '\u0081\u0088',
    '!!',
    '~',
    '*',
    '',
  ]
  const text = string({ unit: 'binary', maxLength: 200 }).map((it) => it.replaceAll('\0', ''))
  assert(
    property(text, (it) => void texts.push(it)),
    { numRuns: 500 },
  )
  const script = texts.map((it) => `printf '%s\\0' ${quote(it)}`).join('\n')
  const printed = execFileSync(shell, { input: script, maxBuffer: 1e9 })
  expect(printed.toString('hex')).toBe(Buffer.from(texts.map((it) => `${it}\0`).join('')).toString('hex'))
})

describe('what no program can be given is refused', () => {
  test('by size', () => {
    expect(refusal({ argv: ['p', 'x'.repeat(128 * 1024 - 1)] })).toBe(undefined)
    expect(refusal({ argv: ['p', 'x'.repeat(128 * 1024)] })).toBe('E_TOO_LARGE')
    expect(refusal({ argv: ['p', 'ü'.repeat(64 * 1024)] })).toBe('E_TOO_LARGE')
    expect(refusal({ setup: [['p', 'x'.repeat(128 * 1024)]] })).toBe('E_TOO_LARGE')
    expect(refusal({ env: { A: 'x'.repeat(128 * 1024 - 2) } })).toBe('E_TOO_LARGE')
    expect(refusal({ argv: ['p', ...Array.from({ length: 10 }, () => 'x'.repeat(100_000))] })).toBe(
      'E_TOO_LARGE',
    )
  })
  test('by form', () => {
    expect(refusal({ argv: ['p', 'a\0b'] })).toBe('E_INVALID')
    expect(refusal({ argv: [''] })).toBe('E_INVALID')
    expect(refusal({ argv: ['-x'] })).toBe('E_INVALID')
    expect(refusal({ cwd: 'relative' })).toBe('E_INVALID')
    expect(refusal({ cwd: '/a\0' })).toBe('E_INVALID')
    for (const name of ['', '-u', 'A=B', '1', 'a\0'])
      expect(refusal({ env: { [name]: 'x' } })).toBe('E_INVALID')
  })
  test('the mark cannot be taken away', () => {
    expect(specScript({ ...spec, env: { ORCH_AGENT: 'other' } })).toContain("'ORCH_AGENT=a-1'")
  })
})

test('the head tells the turn, the words and where the input comes from', () => {
  const head = (text: string) => parseHead(text.slice(0, HEAD_BYTES))
  expect(head(specScript(spec))).toEqual({ turn: 1, words: 0, stdin: 'none' })
  const later = specScript({ ...spec, words: 12, stdin: 'terminal', cwd: `/${'x'.repeat(4_000)}` }, 34)
  expect(head(later)).toEqual({ turn: 34, words: 12, stdin: 'terminal' })
  expect(head("cwd='/'\nstdin=fifo\n")).toEqual({ turn: 1, words: 0, stdin: '' }) // of an older daemon
})
