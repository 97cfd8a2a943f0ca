import type { Cli } from './cli.ts'
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

/** Watches something until it ends, or until Ctrl-C: that is 130 then, and what it broke off is no error. */
export async function watchUntilInterrupt(
  { world, exit }: Pick<Cli, 'world' | 'exit'>,
  watch: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { signal, release } = untilInterrupt(world)
  try {
    await watch(signal)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    release()
  }
  if (signal.aborted) exit(130)
}
