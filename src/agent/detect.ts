import { access, constants, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Env, Exec } from '../exec.ts'

/** Absolute path of a program as a shell would find it, or undefined. A name with a slash is taken from `cwd`. */
export async function findProgram(name: string, env: Env, cwd = '/'): Promise<string | undefined> {
  const places = name.includes('/')
    ? [isAbsolute(name) ? name : join(cwd, name)]
    : pathsOf(env).map((dir) => join(dir, name))
  for (const place of places) if (await isExecutable(place)) return place
  return undefined
}

const pathsOf = (env: Env) => (env.PATH ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter).filter(isAbsolute)

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** The first version number that `PROGRAM --version` prints, or `unknown`; undefined when the program is not installed. */
export async function detectProgram(
  exec: Exec,
  env: Env,
  name: string,
): Promise<{ program: string; version: string } | undefined> {
  const program = await findProgram(name, env)
  if (!program) return undefined
  const result = await exec([program, '--version'], { env, timeoutMs: 10_000, maxBytes: 65_536 }).catch(
    () => undefined,
  )
  const version = result?.stdout.match(/\d+\.\d+[\w.+-]*/)?.[0]
  return { program, version: version ?? 'unknown' }
}
