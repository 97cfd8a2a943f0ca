import { getPriority, setPriority } from 'node:os'
import type { Clock } from '../../clock.ts'
import { createTurns } from '../../turns.ts'
import type { Meter, Reading } from '../meter.ts'
import { fold, keyOf } from './fold.ts'
import type { Measured, ProcessScan } from './scan.ts'

/** How long it is believed how much of an agent's memory is shared, in ms: telling costs 10 ms a GB. */
const SHARED_MS = 10_000
/** Behind everything that people and Orch itself run, and still served when nobody else wants the processor. */
const NICE = 10

/** One agent as it was seen last. */
interface Sight {
  processes: Measured[]
  cpuMs: number
  reading: Reading
  /** Bytes that its resident memory counts too much. */
  shared?: { bytes: number; at: number }
}

export interface MeterDeps {
  scan: ProcessScan
  clock: Clock
  self?: number
}

/** Measures agents by looks at the whole machine that they share. */
export function createMeter({ scan, clock, self = process.pid }: MeterDeps): Meter {
  const inTurn = createTurns()
  let at = Number.NEGATIVE_INFINITY
  let sights = new Map<string, Sight>()

  const look = () =>
    inTurn('look', async () => {
      const age = clock.now() - at
      if (age >= 0 && age < scan.everyMs) return // somebody else has just looked
      const found = fold(await scan.measure(), ownersIn(sights), self)
      const now = clock.now()
      sights = new Map([...found].map(([agent, all]) => [agent, sightOf(all, now, sights.get(agent))]))
      at = now
    })

  return {
    async read(agent, suspectBytes = Number.POSITIVE_INFINITY) {
      await look()
      const sight = sights.get(agent)
      if (!sight || sight.reading.processes === 0) return undefined
      if (sight.reading.memoryBytes <= suspectBytes) return sight.reading
      return { ...sight.reading, memoryBytes: await withoutShared(scan, sight, suspectBytes, clock.now()) }
    },
    async slow(agent) {
      await look()
      const processes = sights.get(agent)?.processes ?? []
      return processes.filter(({ pid }) => scan.threads(pid).filter(lower).length > 0).length
    },
  }
}

function ownersIn(sights: ReadonlyMap<string, Sight>): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [agent, { processes }] of sights)
    for (const process of processes) owners.set(keyOf(process), agent)
  return owners
}

function sightOf(processes: Measured[], at: number, before: Sight | undefined): Sight {
  const cpuMs = processes.reduce((sum, it) => sum + it.cpuMs, 0)
  const passed = before ? at - before.reading.at : 0
  // A process that ended without being waited for takes its time with it.
  const used = Math.max(0, cpuMs - (before?.cpuMs ?? cpuMs))
  const reading = {
    at,
    processes: processes.filter(({ zombie }) => !zombie).length,
    memoryBytes: processes.reduce((sum, it) => sum + it.rssBytes, 0),
    ...(passed > 0 && { cpuPercent: Math.round((1_000 * used) / passed) / 10 }),
  }
  return { processes, cpuMs, reading, ...(before?.shared && { shared: before.shared }) }
}

/** Asks only for an agent that is over by what is known of it. */
async function withoutShared(
  scan: ProcessScan,
  sight: Sight,
  suspectBytes: number,
  now: number,
): Promise<number> {
  const { memoryBytes } = sight.reading
  const { shared } = sight
  if (shared && now - shared.at < SHARED_MS && memoryBytes - shared.bytes <= suspectBytes)
    return memoryBytes - shared.bytes
  const own = await Promise.all(
    sight.processes.map(async ({ pid, rssBytes }) => (rssBytes && (await scan.ownBytes(pid))) ?? rssBytes),
  )
  const bytes = own.reduce((sum, it) => sum + it, 0)
  sight.shared = { bytes: memoryBytes - bytes, at: now }
  return bytes
}

/** Whether it was before. What has ended, or is not ours to move, is left. */
function lower(thread: number): boolean {
  try {
    if (getPriority(thread) >= NICE) return false
    setPriority(thread, NICE)
    return true
  } catch {
    return false
  }
}
