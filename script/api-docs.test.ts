import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

it('docs/api.md says what the contract says', () => {
  const script = fileURLToPath(new URL('api-docs.ts', import.meta.url))
  expect(() => execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).not.toThrow()
})
