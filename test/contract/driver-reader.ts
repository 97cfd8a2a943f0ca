import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AgentEvent } from '../../src/journal/journal.ts'
import { type DriverCase, ENDED, replayed, streamOf } from './driver-case.ts'

/** The reader half of the contract: recorded streams become the few events and an outcome. */
export function readerContract({ name, make, streams, changed, longLine }: DriverCase): void {
  const newReader = () => make({ PATH: '' }).reader()
  const stream = (scenario: string) => streamOf(name, scenario)
  const replay = (lines: readonly string[]) => replayed(newReader(), lines)
  /** A test over a stream that is there, or one that says why it is not. */
  const scenario = <T>(what: string, given: T | string, run: (given: T) => void, words: string[] = []) =>
    typeof given === 'string' && !words.includes(given)
      ? test.skip(`${what} (${given})`)
      : test(what, () => run(given as T))
  const good = streams.goodTurn
  /** The lines of a turn before the one that ends it. */
  const unended = (lines: string[]) => {
    const reader = newReader()
    return lines.slice(
      0,
      lines.findIndex((line) => reader.line(line).events.some(isEnd)),
    )
  }

  test('a good turn: events in order, tool, usage, session, summary', () => {
    const { told, outcome } = replay(stream('good-turn'))
    expect(told.map(({ type }) => type)).toEqual(good.events)
    expect(told.find(({ type }) => type === 'turn.started')).toMatchObject({ session: good.session })
    const tool = told.find((event) => event.type === 'tool.called')
    expect(tool).toMatchObject({
      id: expect.stringMatching(/./),
      name: good.tool.name,
      input: expect.stringContaining(good.tool.input),
      ok: true,
    })
    if (good.duration === 'told') expect(tool?.durationMs).toBeGreaterThanOrEqual(0)
    else expect(tool).not.toHaveProperty('durationMs')
    expect(lastUsage(told)).toEqual(good.usage)
    expect(told.find(isEnd)).toMatchObject({ ok: true })
    expect(outcome).toEqual({ kind: 'reported', summary: good.summary })
  })

  scenario('a tool call that fails', streams.toolFailure, (expected) => {
    const { told, outcome } = replay(stream('tool-failure'))
    expect(told).toContainEqual(
      expect.objectContaining({ type: 'tool.called', name: expected.name, ok: false }),
    )
    expect(outcome).toMatchObject({ kind: 'reported' })
  })

  scenario(
    'two turns one after the other: usage sums up, nothing is told twice',
    streams.secondTurn,
    (it) => {
      const reader = newReader()
      const first = replayed(reader, stream('good-turn')).told
      reader.nextProcess()
      const { told, outcome } = replayed(reader, stream('second-turn'))
      expect(told.filter(isEnd)).toHaveLength(1)
      expect(told.find(({ type }) => type === 'turn.started')).toMatchObject({ session: good.session })
      const calls = [...first, ...told].flatMap((event) => (event.type === 'tool.called' ? [event.id] : []))
      expect(new Set(calls).size).toBe(calls.length)
      expect(lastUsage(told)).toEqual(it.usage)
      expect(outcome).toEqual({ kind: 'reported', summary: it.summary })
    },
  )

  scenario('a second turn that breaks off is not taken for the first', streams.secondTurn, () => {
    const reader = newReader()
    replayed(reader, stream('good-turn'))
    reader.nextProcess()
    const broken = { kind: 'failed', reason: { code: 'no-result' } }
    expect(reader.outcome(ENDED)).toMatchObject(broken)
    expect(replayed(reader, unended(stream('second-turn'))).outcome).toMatchObject(broken)
  })

  scenario('the service is down', streams.apiDown, () => failsWith('api-down', 'api-error'), ['api-error'])
  scenario(
    'the stream is cut until it gives up',
    streams.streamCut,
    () => failsWith('stream-cut', 'api-error'),
    ['api-error'],
  )
  const failsWith = (of: string, code: string) => {
    const { outcome, told } = replay(stream(of))
    expect(outcome).toMatchObject({ kind: 'failed', reason: { code, message: expect.stringMatching(/\w/) } })
    expect(outcome).not.toHaveProperty('final')
    // Some begin again by themselves after a turn that failed.
    expect(told.filter(isEnd).map((end) => 'ok' in end && end.ok)).toContain(false)
    expect(told.filter(isEnd)).not.toContainEqual(expect.objectContaining({ ok: true }))
  }

  scenario(
    'a refused login is final',
    streams.loginRefused,
    () => {
      const { outcome } = replay(stream('login-refused'))
      expect(outcome).toMatchObject({ kind: 'failed', final: true, reason: { code: 'login-refused' } })
    },
    ['login-refused'],
  )

  scenario('a quota is a pause, with the time of its end where it is told', streams.quota, (it) => {
    const { outcome, told } = replay(stream('quota'))
    expect(told.findLast(({ type }) => type === 'quota.hit')).toEqual({ type: 'quota.hit', ...it })
    expect(outcome).toEqual({ kind: 'quota', message: expect.stringMatching(/\w/), ...it })
  })

  scenario(
    'what needs a permission is asked for, or noted when it was refused',
    streams.permission,
    (how) => {
      const { events } = replay(stream('permission'))
      if (how === 'notes')
        expect(events).toContainEqual({ type: 'note', text: expect.stringMatching(/refused|denied/) })
      else
        expect(events).toContainEqual(
          expect.objectContaining({ type: 'waiting', for: 'permission', question: expect.any(String) }),
        )
    },
    ['asks', 'notes'],
  )

  test('a stream that ends in mid-turn is no result, wherever it is cut and whatever the status says', () => {
    const lines = unended(stream('good-turn'))
    for (let length = 0; length <= lines.length; length++)
      for (const status of [0, 1, 137, 143]) {
        const reader = newReader()
        for (const line of lines.slice(0, length)) reader.line(line)
        expect(reader.outcome()).toBeUndefined()
        const outcome = reader.outcome({ phase: 'agent', status }, 'last \u001b[31mwords')
        expect(outcome).toMatchObject({ kind: 'failed', reason: { code: 'no-result' } })
        expect(JSON.stringify(outcome)).toContain('last words')
      }
  })

  test('lines that are no JSON and events of unknown kinds are noted, shortly, and nothing is lost', () => {
    const noise = [
      '{',
      'plain \u001b[31mwords',
      'null',
      '[]',
      '"text"',
      '{"type":"new-thing","x":1}',
      '',
      '{}',
    ]
    for (const line of noise.filter(Boolean)) {
      const heard = newReader().line(line)
      expect([line, heard.events]).toEqual([
        line,
        [{ type: 'note', text: expect.stringMatching(/^.{1,400}$/) }],
      ])
      expect(heard.text ?? '').not.toContain('\u001b')
    }
    const lines = stream('good-turn')
    const noisy = lines.flatMap((line) => [...noise, line])
    expect(replay(noisy).told).toEqual(replay(lines).told)
    expect(replay(noisy).outcome).toEqual(replay(lines).outcome)
  })

  test('a flood of what is not understood does not fill the journal', () => {
    const flood = Array.from({ length: 5_000 }, (_, index) => `garbage ${index} {"type":"new-${index}"`)
    expect(replay(flood).events.length).toBeLessThanOrEqual(200)
  })

  test.each(changed)('a changed shape is noted and survived: %s', (line) => {
    const { events } = replay([line])
    expect(events).toContainEqual({ type: 'note', text: expect.any(String) })
    const lines = stream('good-turn')
    expect(replay([line, ...lines]).outcome).toEqual(replay(lines).outcome)
  })

  test('a line of 10 MB: nothing after it is lost, no long text is journalled', () => {
    const lines = stream('good-turn')
    const middle = Math.floor(lines.length / 2)
    const long = [longLine('x'.repeat(10_000_000)), 'y'.repeat(10_000_000)]
    const { told, events, outcome } = replay([...lines.slice(0, middle), ...long, ...lines.slice(middle)])
    const types = told.map(({ type }) => type)
    for (const type of good.events) expect(types).toContain(type)
    expect(JSON.stringify(events).length).toBeLessThan(100_000)
    expect(outcome).toEqual({ kind: 'reported', summary: good.summary })
  })

  test('a fresh reader says the same of the same lines, however often it is asked in between', () => {
    const known = ALL.flatMap((it) => {
      try {
        return stream(it)
      } catch {
        return []
      }
    })
    fc.assert(
      fc.property(
        fc.array(anyLine(known), { maxLength: 30 }),
        fc.infiniteStream(fc.boolean()),
        (lines, asked) => {
          const one = newReader()
          const heard = lines.map((line) => {
            if (asked.next().value) one.outcome()
            return one.line(line)
          })
          const other = newReader()
          expect(lines.map((line) => other.line(line))).toEqual(heard)
          expect(other.outcome()).toEqual(one.outcome())
          expect(other.outcome(ENDED)).toEqual(one.outcome(ENDED))
          expect(other.outcome(ENDED)).toBeDefined()
        },
      ),
      { numRuns: 300 },
    )
  })
}

const ALL = ['good-turn', 'tool-failure', 'second-turn', 'api-down', 'login-refused', 'quota', 'permission']
const isEnd = (event: AgentEvent) => event.type === 'turn.ended'
const lastUsage = (events: AgentEvent[]) => events.findLast((event) => event.type === 'usage')?.usage

/** A recorded line, one with a field somewhere in it replaced, or anything. */
function anyLine(known: string[]): fc.Arbitrary<string> {
  const recorded = fc.constantFrom(...known)
  const bent = fc
    .tuple(recorded, fc.nat(200), fc.jsonValue({ maxDepth: 2 }))
    .map(([line, place, value]) => bend(line, place, value))
  return fc.oneof({ weight: 3, arbitrary: recorded }, { weight: 5, arbitrary: bent }, fc.json(), fc.string())
}

function bend(line: string, place: number, value: unknown): string {
  if (!line.startsWith('{')) return line // of a program's log
  let seen = 0
  return JSON.stringify(JSON.parse(line), (key, it) => (key !== '' && seen++ === place % 20 ? value : it))
}
