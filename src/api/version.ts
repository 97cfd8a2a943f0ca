import { readFileSync } from 'node:fs'

/** The version of this package: of the program that asks and, in the daemon, of the one that answers. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
