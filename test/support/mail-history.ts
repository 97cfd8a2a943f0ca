/** What happened to messages, as those who sent and read them saw it, and as the journal tells it. */
export interface MailHistory {
  /** What was to be sent, in the order of each sender. */
  sent: Letter[]
  /** What readers saw; in order for each of them. */
  seen: Sight[]
  /** Events of messages, in order. */
  journal: { type: string; id: string }[]
}
export interface Letter {
  id: string
  from: string
  to: string
}
/** What one answer brought, or the messages whose acknowledgement was answered. */
export interface Sight {
  reader: string
  what: 'received' | 'acknowledged'
  ids: string[]
}

/**
 * Each message that was lost, that came again after its reader had acknowledged it, or that was out of order among those of
 * its pair of sender and reader; and what the journal tells otherwise. Empty when all is well. A message may come several
 * times before it is acknowledged, with those behind it.
 */
export function faultsOf({ sent, seen, journal }: MailHistory): string[] {
  const letters = new Map(sent.map((letter) => [letter.id, letter]))
  return [...faultsSeen(letters, seen), ...faultsTold(letters, journal)]
}

const pairOf = ({ from, to }: Letter) => `${from} to ${to}`

/** The messages of each pair, in order. */
function pairs(letters: Map<string, Letter>): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const letter of letters.values()) {
    const pair = pairOf(letter)
    found.set(pair, [...(found.get(pair) ?? []), letter.id])
  }
  return found
}

function faultsSeen(letters: Map<string, Letter>, seen: Sight[]): string[] {
  const order = new Map([...pairs(letters).values()].flatMap((ids) => ids.map((id, at) => [id, at] as const)))
  const faults: string[] = []
  const received = new Set<string>()
  const acknowledged = new Set<string>()
  const next = new Map<string, number>()
  const take = (id: string, reader: string, before: Map<string, number>) => {
    const letter = letters.get(id)
    if (letter?.to !== reader) {
      faults.push(`${id} came to ${reader} and was not for it`)
      return
    }
    if (acknowledged.has(id)) faults.push(`${id} came again after it was acknowledged`)
    const pair = pairOf(letter)
    const at = order.get(id) ?? -1
    if (at > (next.get(pair) ?? 0)) faults.push(`${id} came before an earlier one from ${pair}`)
    if (at <= (before.get(pair) ?? -1)) faults.push(`${id} came behind a later one from ${pair}`)
    before.set(pair, at)
    next.set(pair, Math.max(at + 1, next.get(pair) ?? 0))
    received.add(id)
  }
  for (const { reader, what, ids } of seen) {
    if (what === 'acknowledged') for (const id of ids) acknowledged.add(id)
    const before = new Map<string, number>()
    if (what === 'received') for (const id of ids) take(id, reader, before)
  }
  for (const id of letters.keys()) {
    if (!received.has(id)) faults.push(`${id} never came`)
    else if (!acknowledged.has(id)) faults.push(`${id} was never acknowledged`)
  }
  return faults
}

/** Sent once, then read once, both in the order of the pair. */
function faultsTold(letters: Map<string, Letter>, journal: MailHistory['journal']): string[] {
  const faults: string[] = []
  for (const type of ['message.sent', 'message.read']) {
    const told = journal.filter((event) => event.type === type).map(({ id }) => id)
    const times = new Map<string, number>()
    for (const id of told) times.set(id, (times.get(id) ?? 0) + 1)
    for (const id of letters.keys())
      if (times.get(id) !== 1) faults.push(`${id} has ${times.get(id) ?? 0} events ${type}`)
    const known = new Map<string, Letter>()
    for (const id of told) {
      const letter = letters.get(id)
      if (letter) known.set(id, letter)
      else faults.push(`nobody sent ${id}, of which the journal tells ${type}`)
    }
    const expected = pairs(letters)
    for (const [pair, ids] of pairs(known))
      if (ids.length === expected.get(pair)?.length && ids.join() !== expected.get(pair)?.join())
        faults.push(`${type} from ${pair} is out of order in the journal`)
  }
  const sent = new Set<string>()
  for (const { type, id } of journal) {
    if (type === 'message.sent') sent.add(id)
    else if (type !== 'message.read') faults.push(`${type} of ${id}`)
    else if (!sent.has(id)) faults.push(`${id} was read before it was sent`)
  }
  return faults
}
