import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CATALOGUE } from '../errors.ts'
import { COMMANDS } from './commands.ts'

const doc = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

test('docs/cli.md has every error with its exit code, and no other', () => {
  const rows = [...doc('cli.md').matchAll(/^\| (\d+) \|.*\|(.*)\|$/gm)]
  const told = rows.flatMap(([, exit, codes = '']) =>
    [...codes.matchAll(/`(E_\w+)`/g)].map(([, code]) => [code, Number(exit)]),
  )
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(Object.entries(CATALOGUE).map(([code, { exit }]) => [code, exit])),
  )
})

test('docs/cli.md has every command', () => {
  const text = doc('cli.md')
  for (const { name } of COMMANDS.filter(({ hidden }) => !hidden))
    expect(text).toMatch(new RegExp(`^\\| \`orch ${name}\\b|^\\| .*\`${name}\``, 'm'))
})

test('docs/json.md has every kind of document, and no other', () => {
  const folder = import.meta.dirname
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((it) =>
    /(?<!\.test)\.ts$/.test(it),
  )
  const text = sources.map((it) => readFileSync(join(folder, it), 'utf8')).join('\n')
  const printed = [...text.matchAll(/(?:\.answer|documentLine)\(\s*'([\w-]+)'/g)].map(([, kind]) => kind)
  const told = [...doc('json.md').matchAll(/^\| `([\w-]+)` \|[^|]*\|[^|]*\|$/gm)].map(([, kind]) => kind)
  expect(told.toSorted()).toEqual([...new Set(printed)].toSorted())
})
