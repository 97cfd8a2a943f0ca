import { describe, expect, it } from 'vitest'
import { parseProfile } from './parse.ts'
import type { Profile } from './profile.ts'

const file = (header: string, body = 'Be careful.') => `---\n${header}\n---\n\n${body}\n`
function good(text: string, stem = 'x'): { profile: Profile; warnings: string[] } {
  const result = parseProfile(text, stem)
  if ('faults' in result) throw new Error(JSON.stringify(result.faults))
  return { ...result, warnings: result.warnings.map(({ line, what }) => `${line}: ${what}`) }
}
function faults(text: string | Buffer, stem = 'x'): string[] {
  const result = parseProfile(String(text), stem)
  return 'faults' in result ? result.faults.map(({ line, what }) => `${line}: ${what}`) : []
}

describe('a profile', () => {
  it('is a header and a prompt; what is not said has its default', () => {
    expect(good(file('name: x', 'Be careful.\n\n---\n\nVery.'))).toEqual({
      profile: {
        name: 'x',
        description: '',
        capabilities: [],
        fallback: [],
        tier: 'standard',
        permissions: 'edits',
        tools: ['Bash'],
        mcp: [],
        limits: {},
        prompt: 'Be careful.\n\n---\n\nVery.',
      },
      warnings: [],
    })
  })

  it('can say everything', () => {
    const all = `name: x
description: |
  Two
  lines
capabilities: [security, database]
driver: claude
fallback: codex, gemini
model: big
tier: strong
permissions: ask
tools: Bash(git add, commit:*), Read
mcp: [memory]
limits: { memoryMegabytes: 256, turns: 10, costUsd: 0.5 }`
    expect(good(file(all)).profile).toEqual({
      name: 'x',
      description: 'Two\nlines\n',
      capabilities: ['security', 'database'],
      driver: 'claude',
      fallback: ['codex', 'gemini'],
      model: 'big',
      tier: 'strong',
      permissions: 'ask',
      tools: ['Bash(git add, commit:*)', 'Read'],
      mcp: ['memory'],
      limits: { memoryMegabytes: 256, turns: 10, costUsd: 0.5 },
      prompt: 'Be careful.',
    })
  })

  it.each([
    ['lines that end in CR LF', '---\r\nname: x\r\n---\r\nBe careful.\r\n'],
    ['a byte order mark', '\uFEFF---\nname: x\n---\nBe careful.'],
    ['blanks behind the dashes', '---  \nname: x\n---\t\nBe careful.'],
    ['no name: that of the file', '---\ntier: standard\n---\nBe careful.'],
    ['keys without value', '---\nname: x\nmodel:\ntools:\n---\nBe careful.'],
    ['the model of whoever calls it', '---\nname: x\nmodel: inherit\n---\nBe careful.'],
  ])('may have %s', (_, text) => {
    const { profile, warnings } = good(text)
    expect(profile).toMatchObject({ name: 'x', prompt: 'Be careful.', tools: ['Bash'] })
    expect(profile.model).toBeUndefined()
    expect(warnings).toEqual([])
  })

  it('may end with its header, but that is odd', () => {
    const { profile, warnings } = good('---\nname: y\n---')
    expect(profile.prompt).toBe('')
    expect(warnings).toEqual([
      '2: its name is y, its file x.md',
      expect.stringContaining('no text below the header'),
    ])
  })

  it.each([
    ['nothing', '', '1: there is no header'],
    ['no header', '# Hello\n', '1: there is no header'],
    ['a header that does not begin the file', '\n---\nname: x\n---\n', '1: there is no header'],
    ['a header without end', '---\nname: x\n', '1: there is no header'],
    ['a header without end that has dashes', '---\nname: x\n --- \n----\n', '1: there is no header'],
    ['a wrong type', file('name: x\ntier: 7'), '3: tier: Invalid option'],
    ['a number for a name', file('name: 12'), '2: name: Invalid input: expected string'],
    ['a name that is a path', file('name: ../x'), '2: name: a profile is named by'],
    [
      'a wrong word inside of a list',
      file('name: x\ncapabilities:\n  - good\n  - Bad one'),
      '5: capabilities.1: ',
    ],
    ['a limit that there is not', file('name: x\nlimits:\n  memory: 5'), '4: limits: Unrecognized key'],
    ['a negative limit', file('name: x\nlimits:\n  turns: -5'), '4: limits.turns: Too small'],
    ['a map of tools', file('name: x\ntools: { bash: true }'), '3: tools: Invalid input: expected array'],
    ['a key twice', file('name: x\ntier: fast\ntier: strong'), '4: Map keys must be unique'],
    ['a list', file('- name: x'), '2: the header has to be lines'],
    ['a word', file('hello'), '2: the header has to be lines'],
    ['YAML that is none', file('name: x\ntools: [Read'), 'Flow sequence'],
    ['too many aliases', file(`a: &a [1]\nb: [${Array(30).fill('*a')}]\nc: &c [*a]`), 'alias'],
    ['an alias to nothing', file('limits:\n  turns: *nobody'), 'alias'],
    ['deep nesting', file(`name: ${'['.repeat(20_000)}`), '2: '],
    ['a huge header', file(`x: ${'y'.repeat(40_000)}`), '1: the header is longer'],
    ['NUL', file('name: x', 'a\n\0'), '6: there is a character that nobody sees (U+0000)'],
    ['an escape sequence', file('name: "\u001b[2J"'), '2: there is a character that nobody sees (U+001B)'],
    [
      'text that runs backwards',
      file('name: x', '\u202eevil'),
      '5: there is a character that nobody sees (U+202E)',
    ],
  ])('cannot be %s', (_, text, message) => {
    expect(faults(text).join('\n')).toContain(message)
  })

  it('tells every fault at once, each with its line', () => {
    expect(faults(file('name: X\ntier: big\nmodel: [a]'))).toEqual([
      expect.stringMatching(/^2: name: /),
      expect.stringMatching(/^3: tier: /),
      expect.stringMatching(/^4: model: /),
    ])
  })

  it('does not quote what may be private', () => {
    expect(faults(file('password: "hunter2\nx: y')).join()).not.toContain('hunter2')
  })
})

describe('a sub-agent of Claude Code', () => {
  it('works as it is; what Orch does not know is said', () => {
    const { profile, warnings } = good(
      `---
name: code-reviewer
description: Expert code review specialist. Use immediately after writing code.
tools: Read, Grep, Glob, Bash
model: inherit
color: red
maxTurns: 20
---

You are a senior code reviewer.
`,
      'code-reviewer',
    )
    expect(profile).toMatchObject({
      name: 'code-reviewer',
      tools: ['Read', 'Grep', 'Glob', 'Bash'],
      permissions: 'edits',
      prompt: 'You are a senior code reviewer.',
    })
    expect(warnings).toEqual([
      '6: "color" means nothing to Orch',
      '7: "maxTurns" means nothing to Orch; say `limits: { turns: … }`',
    ])
  })

  it('may have a description that is no YAML, as those have that it wrote itself', () => {
    const description =
      'Use this agent when … Examples:\\n\\n<example>\\nContext: a test. user: "Check it" # now\\n</example>'
    const { profile, warnings } = good(file(`name: x\ndescription: ${description}\nmodel: sonnet`))
    expect(profile).toMatchObject({ name: 'x', description, model: 'sonnet' })
    expect(warnings).toEqual([
      '3: the value of description was taken as plain text: it is no YAML unless it stands between quotes',
    ])
    expect(faults(file(`description: ${description}\nname: [`)).join()).toContain('2: ')
  })

  it('that has only tools for looking gets no more', () => {
    const { profile, warnings } = good(file('name: x\ntools: Read, Grep, Glob'))
    expect(profile.permissions).toBe('read')
    expect(warnings).toEqual([expect.stringMatching(/^3: permissions: read, because/)])
    expect(good(file('name: x\ntools: Read\npermissions: edits')).profile.permissions).toBe('edits')
    expect(good(file('name: x\ntools: []')).profile).toMatchObject({ permissions: 'edits', tools: [] })
  })
})
