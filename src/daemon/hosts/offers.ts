import type { Log } from '../../log.ts'
import { driverNeed, hostNeed, labelNeed } from '../../task/needs.ts'

/** What a host has and tasks may need: itself, its labels, and the agent programs that are installed. */
export interface Offers {
  now(): readonly string[]
  /** Looks again. Whether it is something else than before. */
  look(): Promise<boolean>
}

/** An agent program that must be installed to be used. */
export interface Program {
  name: string
  detect(): Promise<unknown>
}

export interface OffersOptions {
  host: string
  labels: readonly string[]
  programs: readonly Program[]
  log: Log
}

export function createOffers({ host, labels, programs, log }: OffersOptions): Offers {
  let now = offersOf({ host, labels, programs: [] })
  const installed = async (program: Program): Promise<Program[]> => {
    try {
      return (await program.detect()) === undefined ? [] : [program]
    } catch (error) {
      log.warn('an agent program could not be asked', { program: program.name, error })
      return []
    }
  }
  return {
    now: () => now,
    async look() {
      const before = now
      const found = await Promise.all(programs.map(installed))
      now = offersOf({ host, labels, programs: found.flat() })
      return String(now) !== String(before)
    },
  }
}

/** Sorted, each once. */
export function offersOf({
  host,
  labels,
  programs,
}: Pick<OffersOptions, 'host' | 'labels'> & { programs: readonly { name: string }[] }): string[] {
  const own = programs.map(({ name }) => driverNeed(name))
  return [...new Set([hostNeed(host), ...labels.map(labelNeed), ...own])].sort()
}
