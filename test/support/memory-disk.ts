import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Tests make and remove some hundred thousand small files, which a disk's file system makes them pay for: where the system
 * has a place in memory with room for them, all temporary directories are there. A TMPDIR that is given stays.
 */
const MEMORY = '/dev/shm'
const ROOM_BYTES = 4 * 2 ** 30

/** Reads from us: however this process ends, the pipe ends, and the files go. */
const KEEPER = 'cat >/dev/null; rm -rf "$0"'

export default function useMemory(): (() => Promise<void>) | undefined {
  if (process.env.TMPDIR || !hasRoom()) return undefined
  const directory = mkdtempSync(join(MEMORY, 't-'))
  if (!runsPrograms(directory)) return void rmSync(directory, { recursive: true })
  // a group of its own: Ctrl-C reaches the tests first, and they still need it
  const keeper = spawn('sh', ['-c', KEEPER, directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const gone = new Promise<void>((resolve) => keeper.once('exit', () => resolve()))
  process.env.TMPDIR = directory
  return async () => {
    delete process.env.TMPDIR
    keeper.stdin.end()
    await gone
  }
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize > ROOM_BYTES
  } catch {
    return false // there is no such place
  }
}

/** Containers often forbid that there. */
function runsPrograms(directory: string): boolean {
  const program = join(directory, 'runs')
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 })
  const { status } = spawnSync(program)
  rmSync(program)
  return status === 0
}
