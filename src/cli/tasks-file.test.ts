import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseTasks } from './tasks-file.ts'

const parse = (text: string, defaults = {}) => parseTasks({ name: 'tasks.yaml', text }, defaults)

test('texts, tasks and descriptions; options hold where a task says nothing', () => {
  const text =
    'tasks:\n  - Fix it\n  - task: Document it\n    title: Docs\n    tries: 1\n  - description: Format it\n'
  expect(parse(text, { tries: 2, base: 'develop' })).toEqual([
    { description: 'Fix it', tries: 2, base: 'develop' },
    { description: 'Document it', title: 'Docs', tries: 1, base: 'develop' },
    { description: 'Format it', tries: 2, base: 'develop' },
  ])
})

test('a plain list, and JSON', () => {
  expect(parse('- a\n- b\n')).toHaveLength(2)
  expect(parse('[{"task": "a", "argv": ["true"], "driver": "command"}]')).toEqual([
    { description: 'a', argv: ['true'], driver: 'command' },
  ])
})

test('limits of the command line hold where a task has none of that kind', () => {
  const text = '- task: a\n  limits: { turns: 3, costUsd: 0.5 }\n- b\n'
  expect(parse(text, { limits: { turns: 9, idleMinutes: 1 } })).toEqual([
    { description: 'a', limits: { turns: 3, idleMinutes: 1, costUsd: 0.5 } },
    { description: 'b', limits: { turns: 9, idleMinutes: 1 } },
  ])
})

test('whom a task comes after: by title, text, number or id', () => {
  const text = `
- title: Schema
  description: Make it
- Write the parser
- task: Bring it together
  labels: [gpu, linux]
  after: [Schema, Write the parser, 1, t-4kq8aaaa0001]
- task: Last
  after: 3
`
  expect(parse(text).map(({ after, labels }) => [after, labels])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
    [
      [0, 1, 0, 't-4kq8aaaa0001'],
      ['gpu', 'linux'],
    ],
    [[2], undefined],
  ])
  expect(parse('- a\n- task: b\n  labels: []\n', { labels: ['gpu'] })).toMatchObject([
    { labels: ['gpu'] },
    { labels: [] },
  ])
})

test('the example of this repository', () => {
  const text = readFileSync(new URL('../../examples/tasks.yaml', import.meta.url), 'utf8')
  expect(parse(text)).toHaveLength(3)
})

const bomb = `a: &a [x,x]\nb: &b [${'*a,'.repeat(30)}]\nc: [${'*b,'.repeat(30)}]\ntasks: [x]`

test.each([
  ['a key twice', '- task: a\n  task: b\n', 2, 'unique'],
  ['an unknown key', '- task: a\n- task: b\n  titel: x\n', 3, 'did you mean title'],
  ['an unknown key on top', 'tasks: [a]\nagent: claude\n', 2, 'unknown key "agent"'],
  ['a misspelt list', 'task:\n  - a\n', 1, 'did you mean tasks'],
  ['an unknown key over several lines', '- task: a\n  extra:\n    - x\n', 2, 'unknown key'],
  ['a wrong type', '- task: a\n  tries: many\n', 2, 'tries'],
  ['a number for a task', '- a\n- 7\n', 2, 'a text, or a map'],
  ['a task that is a number', '- task: 7\n', 1, 'task'],
  ['a limit that is none', '- task: a\n  limits:\n    turns: 1\n    token: 2\n', 4, 'did you mean tokens'],
  ['a limit out of bounds', '- task: a\n  limits:\n    turns: 0\n', 3, 'limits.turns'],
  ['limits that are no map', '- task: a\n  limits: 5\n', 2, 'limits'],
  ['both names of the same', '- task: a\n  description: b\n', 1, 'give one'],
  [
    'a title that none has',
    '- title: Build\n  task: a\n- task: b\n  after:\n    - Built\n',
    5,
    'did you mean Build',
  ],
  ['a title that two have', '- a\n- a\n- task: b\n  after: a\n', 4, 'several tasks'],
  ['a number that none has', '- a\n- task: b\n  after: [0]\n', 3, 'counted from 1 to 2'],
  ['an end that is no name', '- task: b\n  after: { x: 1 }\n', 2, 'a title or a number'],
  ['a label that is none', '- task: b\n  labels: [GPU 1]\n', 2, 'labels.0'],
  ['no description', '- title: a\n', 1, 'description'],
  ['an empty list', 'tasks: []\n', 1, 'no task'],
  ['nothing', '', 1, 'a list of tasks'],
  ['a text', 'do it', 1, 'a list of tasks'],
  ['broken YAML', '- task: a\n- "b\n', 3, ''],
  ['two documents', '- a\n---\n- b\n', 2, ''],
  ['an unknown tag', '- !!js/function "x"\n', 1, ''],
  ['an alias bomb', bomb, 1, ''],
  ['too many', `- a\n`.repeat(1_001), 1, 'at most 1000'],
  ['a branch that is an option', '- task: a\n  base: --force\n', 2, 'base'],
  ['escape codes in a key', '- "\\e[2Jx": 1\n  task: a\n', 1, 'unknown key'],
])('%s is refused with its line', (_, text, line, words) => {
  const refused = { code: 'E_INVALID', message: expect.stringContaining(`tasks.yaml:${line}: `) }
  expect(() => parse(text)).toThrow(expect.objectContaining(refused))
  expect(() => parse(text)).toThrow(words)
})

test('what an error quotes cannot steer the terminal', () => {
  expect(() => parse('- "\\e[2J\\u202ex": 1\n  task: a\n')).toThrow(/^[ -~]*$/)
})
