import type { TaskEventType } from '../../src/journal/journal.ts'
import { FINAL_STATES, HELD_STATES, type TaskState } from '../../src/task/task.ts'

/** What happened to tasks: as the journal tells it, and as their agents themselves noted it. */
export interface History {
  /** Ids of all tasks that were asked for and answered. */
  submitted: readonly string[]
  /** The whole journal, in order. */
  journal: readonly HistoryEvent[]
  traces: readonly Trace[]
}
export interface HistoryEvent {
  seq: number
  type: string
  taskId?: string
  epoch?: number
}
/** A line that an agent wrote while it ran; all by one clock. */
export interface Trace {
  task: string
  epoch: number
  pid: number
  what: 'start' | 'tick' | 'end'
  /** ms since the epoch. */
  at: number
}

/**
 * `lost`: not accepted in the end. `twice`: accepted, or an attempt's agent started, more than once. `overlap`: two
 * attempts of a task ran at once. `late`: written by an attempt after a later one had begun. `lease`: an epoch that was
 * leased twice, or out of turn. `arrow`: not drawn in src/task/life.ts. `stray`: nobody asked for it. `order`: of the journal.
 */
export interface Fault {
  kind: 'lost' | 'twice' | 'overlap' | 'late' | 'lease' | 'arrow' | 'stray' | 'order'
  task: string
  what: string
}

/** Empty when all is well: each task accepted exactly once, run by one host at a time, and nothing late was taken. */
export function faultsOf({ submitted, journal, traces }: History): Fault[] {
  const events = byTask(journal, ({ taskId = '' }) => taskId)
  const lines = byTask(traces, ({ task }) => task)
  const tasks = new Set([...submitted, ...events.keys(), ...lines.keys()])
  tasks.delete('') // events that are not about a task
  const known = new Set(submitted)
  return [
    ...orderOf(journal),
    ...[...tasks].flatMap((task) => {
      const own = events.get(task) ?? []
      const ran = lines.get(task) ?? []
      return [
        ...(known.has(task) ? [] : [fault('stray', task, 'nobody submitted it')]),
        ...endingOf(task, own),
        ...arrowsOf(task, own),
        ...leasesOf(task, own),
        ...lateOf(task, own),
        ...runsOf(task, own, ran),
      ]
    }),
  ]
}

const fault = (kind: Fault['kind'], task: string, what: string): Fault => ({ kind, task, what })

function byTask<T>(all: readonly T[], of: (one: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>()
  for (const one of all) {
    const own = found.get(of(one))
    if (own) own.push(one)
    else found.set(of(one), [one])
  }
  return found
}

function orderOf(journal: readonly HistoryEvent[]): Fault[] {
  return journal.flatMap(({ seq, type, taskId = '' }, index) => {
    const before = journal[index - 1]?.seq ?? 0
    return seq > before ? [] : [fault('order', taskId, `${type} is event ${seq} and comes after ${before}`)]
  })
}

function endingOf(task: string, events: readonly HistoryEvent[]): Fault[] {
  const accepted = events.filter(({ type }) => type === 'task.accepted').length
  if (accepted === 0) return [fault('lost', task, `never accepted; its last event is ${events.at(-1)?.type}`)]
  return accepted > 1 ? [fault('twice', task, `accepted ${accepted} times`)] : []
}

const HELD: readonly TaskState[] = HELD_STATES
/** From where each event may come, and where it leads: the drawing of src/task/life.ts. */
const ARROWS: Record<TaskEventType, { from: readonly TaskState[]; to: TaskState }> = {
  'task.queued': { from: [], to: 'queued' },
  'task.leased': { from: ['queued'], to: 'leased' },
  'task.working': { from: ['leased', 'waiting'], to: 'working' },
  'task.waiting': { from: ['working'], to: 'waiting' },
  'task.reported': { from: ['working', 'waiting'], to: 'reported' },
  'task.verified': { from: ['reported'], to: 'verified' },
  'task.accepted': { from: ['verified'], to: 'accepted' },
  'task.failed': { from: HELD, to: 'queued' },
  'task.postponed': { from: ['leased'], to: 'queued' },
  'task.dead': { from: HELD, to: 'dead' },
  'task.cancelled': { from: ['queued', ...HELD, 'dead'], to: 'cancelled' },
  'task.retried': { from: FINAL_STATES.filter((state) => state !== 'accepted'), to: 'queued' },
}

function arrowsOf(task: string, events: readonly HistoryEvent[]): Fault[] {
  const faults: Fault[] = []
  let state: TaskState | undefined
  for (const { seq, type } of events) {
    const arrow = ARROWS[type as TaskEventType]
    if (!arrow) continue
    const drawn = state === undefined ? type === 'task.queued' : arrow.from.includes(state)
    if (!drawn)
      faults.push(fault('arrow', task, `${type} (event ${seq}) when it was ${state ?? 'not there'}`))
    state = arrow.to
  }
  return faults
}

/** Each attempt has the next number, once. */
function leasesOf(task: string, events: readonly HistoryEvent[]): Fault[] {
  const leased = events.filter(({ type }) => type === 'task.leased')
  return leased.flatMap(({ seq, epoch }, index) =>
    epoch === index + 1
      ? []
      : [fault('lease', task, `event ${seq} leases attempt ${epoch}, and the next was ${index + 1}`)],
  )
}

function lateOf(task: string, events: readonly HistoryEvent[]): Fault[] {
  let newest = 0
  return events.flatMap(({ seq, type, epoch }) => {
    if (type === 'task.leased') newest = Math.max(newest, epoch ?? 0)
    if (epoch === undefined || epoch >= newest || type.startsWith('message.')) return []
    return [
      fault('late', task, `${type} (event ${seq}) of attempt ${epoch} when attempt ${newest} had begun`),
    ]
  })
}

interface Run {
  epoch: number
  pid: number
  from: number
  to: number
  starts: number
}

function runsOf(task: string, events: readonly HistoryEvent[], traces: readonly Trace[]): Fault[] {
  const leased = new Set(events.filter(({ type }) => type === 'task.leased').map(({ epoch }) => epoch))
  const runs = runsIn(traces)
  const faults = runs
    .filter(({ epoch }) => !leased.has(epoch))
    .map(({ epoch, pid }) => fault('stray', task, `process ${pid} ran attempt ${epoch}, which nobody leased`))
  for (const epoch of new Set(runs.map((run) => run.epoch))) {
    const starts = runs.filter((run) => run.epoch === epoch).reduce((sum, run) => sum + run.starts, 0)
    if (starts > 1) faults.push(fault('twice', task, `the agent of attempt ${epoch} started ${starts} times`))
  }
  runs.forEach((one, index) => {
    for (const other of runs.slice(index + 1)) {
      const [first, second] = one.epoch <= other.epoch ? [one, other] : [other, one]
      if (second.from > first.to) continue
      const by = `${first.to - second.from} ms`
      faults.push(
        fault(
          'overlap',
          task,
          `attempt ${second.epoch} began ${by} before the end of attempt ${first.epoch}`,
        ),
      )
    }
  })
  return faults
}

/** From the first line to the last of each process. */
function runsIn(traces: readonly Trace[]): Run[] {
  const runs = new Map<string, Run>()
  for (const { epoch, pid, at, what } of traces) {
    const key = `${epoch}/${pid}`
    const run = runs.get(key) ?? { epoch, pid, from: at, to: at, starts: 0 }
    const starts = run.starts + (what === 'start' ? 1 : 0)
    runs.set(key, { ...run, from: Math.min(run.from, at), to: Math.max(run.to, at), starts })
  }
  return [...runs.values()]
}

/** Lines `TASK EPOCH PID WHAT SECONDS.FRACTION`, as the fixture agent `traces-itself` writes them. A torn last line is none. */
export function parseTraces(text: string): Trace[] {
  return text.split('\n').flatMap((line) => {
    const [, task = '', epoch, pid, what, seconds] =
      /^(t-\S+) (\d+) (\d+) (start|tick|end) ([\d.]+)$/.exec(line) ?? []
    if (!task) return []
    return [
      {
        task,
        epoch: Number(epoch),
        pid: Number(pid),
        what: what as Trace['what'],
        at: Number(seconds) * 1_000,
      },
    ]
  })
}
