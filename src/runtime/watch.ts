import { watch as watchFiles } from 'node:fs'
import type { Clock } from '../clock.ts'

/** How often we call without being told that anything changed, in ms. */
const FALLBACK_MS = 5_000
/** The same where the system cannot tell (no watches left, no such directory yet). */
const BLIND_MS = 100

/** Calls `changed` soon after anything in the directory changed, many changes together. Gives the function that stops it. */
export function watchDirectory(directory: string, changed: () => void, clock: Clock): () => void {
  let pending = false
  let stopped = false
  const soon = () => {
    if (pending) return
    pending = true
    setImmediate(() => {
      pending = false
      if (!stopped) changed()
    })
  }
  let poll = clock.every(FALLBACK_MS, soon)
  const blind = () => {
    poll()
    if (!stopped) poll = clock.every(BLIND_MS, soon)
  }
  const close = watchWithSystem(directory, soon, blind)
  return () => {
    stopped = true
    poll()
    close()
  }
}

function watchWithSystem(directory: string, changed: () => void, failed: () => void): () => void {
  try {
    const watcher = watchFiles(directory, { persistent: false }, changed)
    watcher.on('error', failed)
    return () => watcher.close()
  } catch {
    failed()
    return () => {}
  }
}
