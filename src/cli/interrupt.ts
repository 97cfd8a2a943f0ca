import type { World } from './world.ts'

/** A signal that aborts at Ctrl-C; `release` gives Ctrl-C back to the system. */
export function untilInterrupt(world: Pick<World, 'onInterrupt'>): {
  signal: AbortSignal
  release: () => void
} {
  const controller = new AbortController()
  const release = world.onInterrupt(() => controller.abort())
  return { signal: controller.signal, release }
}
