import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CATALOGUE, type ErrorBody, OrchError, toOrchError } from './errors.ts'

const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'errors.md'), 'utf8')

/** The rows of the page by code: exit code, HTTP status, cause, what to do. */
const documented = new Map(
  [...page.matchAll(/^\| `(E_\w+)` \| (\d+) \| (\d+) \| (.+) \| (.+) \|$/gm)].map(
    ([, code, exit, http, cause, fix]) => [code, { exit: Number(exit), http: Number(http), cause, fix }],
  ),
)

test.each(Object.entries(CATALOGUE))(
  'docs/errors.md tells cause, exit code and status of %s',
  (code, { exit, http }) => {
    expect(documented.get(code)).toMatchObject({ exit, http })
  },
)

test('docs/errors.md tells of no code that does not exist', () => {
  expect([...documented.keys()].filter((code) => !(code && code in CATALOGUE))).toEqual([])
})

test('an error carries the advice of the catalogue, or a better one', () => {
  expect(new OrchError('E_AMBIGUOUS', 'several').fix).toBe(CATALOGUE.E_AMBIGUOUS.fix)
  expect(new OrchError('E_AMBIGUOUS', 'several', { fix: 'Take the first.' }).fix).toBe('Take the first.')
})

test('an error crosses the API and comes back as it was', () => {
  const error = new OrchError('E_CONFLICT', 'a.txt', { details: { paths: ['a.txt'] } })
  const back = OrchError.fromBody(JSON.parse(JSON.stringify(error.toBody())))
  expect(back).toMatchObject({
    code: 'E_CONFLICT',
    message: 'a.txt',
    fix: error.fix,
    details: error.details,
    exit: 1,
    http: 409,
  })
})

test('a code that this version does not know is an internal error', () => {
  const body = { code: 'E_FROM_THE_FUTURE', message: 'x', fix: 'y' } as unknown as ErrorBody
  expect(OrchError.fromBody(body)).toMatchObject({ code: 'E_INTERNAL', message: 'x', fix: 'y' })
})

test.each([
  [new Error('boom'), 'E_INTERNAL', 'boom'],
  [Object.assign(new Error('write'), { code: 'ENOSPC' }), 'E_DISK_FULL', 'write'],
  ['a string', 'E_INTERNAL', 'a string'],
  [null, 'E_INTERNAL', 'null'],
])('anything thrown becomes one of ours: %s', (thrown, code, message) => {
  expect(toOrchError(thrown)).toMatchObject({ code, message, cause: thrown })
})
