import type { NewEvent } from '../journal/journal.ts'
import type { Host } from './hosts.ts'

/** What a host says of itself; when it joined and was heard of is the registry's to say. */
export type Beat = Omit<Host, 'joinedAt' | 'seenAt'>

export function hostJoined(
  { name, instance, offers, capacity, version, address }: Beat,
  at: number,
): NewEvent {
  return {
    type: 'host.joined',
    at,
    data: { host: name, instance, offers, capacity, version, address },
  }
}

export const hostLeft = (name: string, instance: string, at: number): NewEvent => ({
  type: 'host.left',
  at,
  data: { host: name, instance },
})

export const hostLost = ({ name, instance, seenAt }: Host, at: number): NewEvent => ({
  type: 'host.lost',
  at,
  data: { host: name, instance, seenAt },
})
