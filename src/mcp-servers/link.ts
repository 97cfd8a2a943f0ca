import type { Transport } from '@modelcontextprotocol/client'

/** A connection to a server for as long as it is asked. */
export interface Link {
  transport: Transport
  /** Why it cannot answer, when that is known: how its process ended, which limit it passed. */
  fault(): string | undefined
  /** The last line that it said beside its answers. */
  said(): string | undefined
  /** Lets go of it and ends all that was started for it. May be called twice. */
  end(): Promise<void>
}

/** What a server may send while it is asked: lists that are longer would burst the context of any model. */
export const MOST_BYTES = 4 * 1024 * 1024

export const TOO_MUCH = `it sends more than ${MOST_BYTES / 1024 / 1024} MB`
