import type { OutputReader } from '../../agent/agent.ts'
import type { Hearing } from '../conversation/hearing.ts'
import type { Courier } from './courier.ts'
import type { Feed } from './feed.ts'
import type { Held } from './held.ts'
import type { Place } from './place.ts'
import type { Spectators } from './spectators.ts'

/** An attempt as it is followed. */
export interface Watch {
  held: Held
  reader: OutputReader
  feed: Feed
  hearing: Hearing
  place: Place
  spectators: Spectators
  courier: Courier
  /** When this began, in ms since the epoch. */
  began: number
}
