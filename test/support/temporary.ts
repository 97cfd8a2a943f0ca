import { mkdtempSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, onTestFinished } from 'vitest'

const ofTheFile: string[] = []
const remove = (path: string) => rm(path, { recursive: true, force: true, maxRetries: 5 })

// Benches import this file too, and they clean up themselves.
if (process.env.VITEST) afterAll(async () => void (await Promise.all(ofTheFile.map(remove))))

/**
 * A fresh, empty directory (real path, 0700) that is removed after the test; made in a `beforeAll` it goes after the
 * last test of the file.
 */
export function temporaryDirectory(name = 'orch'): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), `${name}-`)))
  try {
    onTestFinished(() => remove(path))
  } catch {
    ofTheFile.push(path)
  }
  return path
}
