#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { systemWorld } from './world.ts'

/** `orch`. */
const world = systemWorld()
const { env, home } = world.environment
// Not Node's own default, which lies in a directory for temporary files that others can write to.
enableCompileCache(join(env.XDG_CACHE_HOME || join(home, '.cache'), 'orch', 'compiled'))

// `orch … | head` has seen enough: no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// Nobody reads what is said beside the result: no reason to end.
process.stderr.on('error', () => {})

const { runCommandLine } = await import('./program.ts')
process.exit(await runCommandLine(process.argv.slice(2), world))
