import { type Clock, systemClock } from '../clock.ts'
import { type Environment, systemEnvironment } from '../config/load.ts'

/** Everything outside of us that a command touches; tests give their own. */
export interface World {
  environment: Environment
  /** Standard output and standard error. */
  out: (text: string) => void
  err: (text: string) => void
  stdin: AsyncIterable<Uint8Array>
  /** Size of the terminal now, in characters. */
  size(): { columns: number; rows: number }
  clock: Clock
  platform: NodeJS.Platform
  /** Calls `listener` at Ctrl-C instead of ending the process; gives the function that lets go again. */
  onInterrupt(listener: () => void): () => void
}

export function systemWorld(): World {
  const { stdout, stderr, stdin } = process
  return {
    environment: systemEnvironment(),
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    stdin: { [Symbol.asyncIterator]: () => stdin[Symbol.asyncIterator]() },
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    clock: systemClock,
    platform: process.platform,
    onInterrupt: (listener) => {
      process.once('SIGINT', listener)
      return () => process.off('SIGINT', listener)
    },
  }
}
