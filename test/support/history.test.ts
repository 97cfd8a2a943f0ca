import { describe, expect, it } from 'vitest'
import { type Fault, faultsOf, type History, type HistoryEvent, parseTraces, type Trace } from './history.ts'

/** A checker is worth what it finds: each kind of fault is planted here once. */

const WHOLE = ['leased', 'working', 'reported', 'verified', 'accepted']

/** `one attempt after the other, the last one to its end. */
function events(task: string, ...attempts: string[][]): Omit<HistoryEvent, 'seq'>[] {
  const queued = { type: 'task.queued', taskId: task, epoch: 0 }
  const later = attempts.flatMap((types, index) =>
    types.map((type) => ({ type: `task.${type}`, taskId: task, epoch: index + 1 })),
  )
  return [queued, ...later]
}
const numbered = (all: Omit<HistoryEvent, 'seq'>[]): HistoryEvent[] =>
  all.map((event, index) => ({ ...event, seq: index + 1 }))

function traced(task: string, epoch: number, pid: number, from: number, to: number): Trace[] {
  const line = { task, epoch, pid }
  return [
    { ...line, what: 'start', at: from },
    { ...line, what: 'tick', at: (from + to) / 2 },
    { ...line, what: 'end', at: to },
  ]
}

/** Two tasks, the second of which was taken over. */
const sound = (): History => ({
  submitted: ['t-1', 't-2'],
  journal: numbered([
    { type: 'daemon.started' },
    ...events('t-1', WHOLE),
    ...events('t-2', ['leased', 'working', 'failed'], ['leased', 'postponed'], WHOLE),
  ]),
  traces: [
    ...traced('t-1', 1, 100, 0, 50),
    ...traced('t-2', 1, 101, 0, 30),
    ...traced('t-2', 3, 100, 40, 60),
  ],
})

type Draft = { submitted: string[]; journal: HistoryEvent[]; traces: Trace[] }
function planted(plant: (history: Draft) => void): Fault[] {
  const { submitted, journal, traces } = sound()
  const draft = { submitted: [...submitted], journal: [...journal], traces: [...traces] }
  plant(draft)
  return faultsOf({ ...draft, journal: numbered(draft.journal) })
}
const kinds = (faults: Fault[]) => [...new Set(faults.map(({ kind, task }) => `${kind} ${task}`))]
const last = (journal: HistoryEvent[], type: string, task: string) =>
  journal.findLastIndex((event) => event.type === type && event.taskId === task)

it('finds nothing where nothing is wrong', () => {
  expect(faultsOf(sound())).toEqual([])
})

describe('finds', () => {
  it('a task that was lost', () => {
    const faults = planted(({ journal }) => journal.splice(last(journal, 'task.accepted', 't-1'), 1))
    expect(kinds(faults)).toEqual(['lost t-1'])
  })

  it('a task of which the journal does not know', () => {
    expect(kinds(planted(({ submitted }) => submitted.push('t-3')))).toEqual(['lost t-3'])
  })

  it('a task that was buried or cancelled', () => {
    for (const type of ['task.dead', 'task.cancelled']) {
      const faults = planted(({ journal }) => {
        const at = last(journal, 'task.accepted', 't-1')
        journal[at] = { ...(journal[at] as HistoryEvent), type }
      })
      expect(kinds(faults)).toEqual(['lost t-1'])
    }
  })

  it('a task that was accepted twice', () => {
    const faults = planted(({ journal }) => {
      const at = last(journal, 'task.accepted', 't-1')
      journal.push(journal[at] as HistoryEvent)
    })
    expect(kinds(faults)).toEqual(['twice t-1', 'arrow t-1'])
  })

  it('two hosts that ran a task at once', () => {
    const faults = planted(({ traces }) =>
      traces.push({ task: 't-2', epoch: 1, pid: 101, what: 'tick', at: 41 }),
    )
    expect(faults).toEqual([
      { kind: 'overlap', task: 't-2', what: 'attempt 3 began 1 ms before the end of attempt 1' },
    ])
  })

  it('an agent of an earlier attempt that ran after a later one', () => {
    const faults = planted(({ traces }) => {
      traces.push(...traced('t-2', 2, 200, 100, 110))
    })
    expect(kinds(faults)).toEqual(['overlap t-2'])
  })

  it('an agent that was started twice', () => {
    const one = planted(({ traces }) => traces.push(...traced('t-1', 1, 102, 60, 70)))
    expect(kinds(one)).toEqual(['twice t-1'])
    const both = planted(({ traces }) => traces.push(...traced('t-1', 1, 102, 45, 70)))
    expect(kinds(both)).toEqual(['twice t-1', 'overlap t-1'])
  })

  it('an agent that nobody leased a task to', () => {
    const faults = planted(({ traces }) => traces.push(...traced('t-1', 7, 102, 60, 70)))
    expect(kinds(faults)).toEqual(['stray t-1'])
  })

  it('a late write that was accepted', () => {
    const faults = planted(({ journal }) =>
      journal.splice(last(journal, 'task.leased', 't-2') + 1, 0, {
        seq: 0,
        type: 'message',
        taskId: 't-2',
        epoch: 1,
      }),
    )
    expect(kinds(faults)).toEqual(['late t-2'])
  })

  it('an arrow of a late writer', () => {
    const faults = planted(({ journal }) => {
      const late = { seq: 0, type: 'task.reported', taskId: 't-2', epoch: 1 }
      journal.splice(last(journal, 'task.working', 't-2') + 1, 0, late)
    })
    expect(kinds(faults)).toEqual(['arrow t-2', 'late t-2'])
  })

  it('an attempt that was leased twice', () => {
    const faults = planted(({ journal }) => {
      const at = last(journal, 'task.leased', 't-1')
      journal.splice(at, 0, journal[at] as HistoryEvent)
    })
    expect(kinds(faults)).toEqual(['arrow t-1', 'lease t-1'])
  })

  it('an epoch that was left out', () => {
    const faults = planted(({ journal }) => {
      journal.forEach((event, at) => {
        if (event.taskId === 't-2' && event.epoch === 3) journal[at] = { ...event, epoch: 4 }
      })
    })
    expect(kinds(faults)).toEqual(['lease t-2', 'stray t-2'])
  })

  it('arrows that are not drawn', () => {
    for (const [type, other] of [
      ['task.leased', 'task.working'],
      ['task.working', 'task.verified'],
      ['task.reported', 'task.waiting'],
      ['task.verified', 'task.reported'],
    ]) {
      const faults = planted(({ journal }) => {
        const at = last(journal, String(type), 't-1')
        journal[at] = { ...(journal[at] as HistoryEvent), type: String(other) }
      })
      expect(kinds(faults), `${other} for ${type}`).toContain('arrow t-1')
    }
  })

  it('a task that nobody submitted', () => {
    const faults = planted(({ journal }) => journal.push(...numbered(events('t-9', WHOLE))))
    expect(kinds(faults)).toEqual(['stray t-9'])
  })

  it('a journal that is out of order', () => {
    const history = sound()
    const journal = [...history.journal]
    journal.push({ ...(journal[3] as HistoryEvent), type: 'note' })
    expect(kinds(faultsOf({ ...history, journal }))).toContain('order t-1')
  })
})

it('reads the lines of agents, but for one that was torn', () => {
  const text = 't-a 1 77 start 12.5\nt-a 1 77 tick 13.25\nnonsense\nt-a 1 77 en'
  expect(parseTraces(text)).toEqual([
    { task: 't-a', epoch: 1, pid: 77, what: 'start', at: 12_500 },
    { task: 't-a', epoch: 1, pid: 77, what: 'tick', at: 13_250 },
  ])
})
