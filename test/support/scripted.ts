import type { Driver, Outcome, OutputReader } from '../../src/agent/agent.ts'
import type { AgentEvent } from '../../src/journal/journal.ts'

/**
 * A driver whose program is a shell script of the test (`argv` of the task) that prints events as they are in the journal,
 * and `{"outcome":…}` for what came of its turn. It finds its prompt on standard input (or, with a FIFO, its words there),
 * and the session that it goes on with in $SESSION.
 */
export function scriptedDriver(name: string, more: Partial<Driver> & { fifo?: boolean } = {}): Driver {
  const { fifo = false, ...given } = more
  return {
    name,
    conversation: 'processes',
    resumes: true,
    takesProgram: true,
    commitsLeftovers: true,
    footprintMegabytes: 0,
    detect: async () => ({ program: name, version: '1' }),
    launch: async ({ task, session }) => ({
      argv: (task.argv ?? ['true']) as [string],
      env: { DRIVER: name, ...(session && { SESSION: session }) },
      stdin: fifo ? 'fifo' : 'prompt',
      stderr: 'apart',
    }),
    reader: scriptedReader,
    say: (text, { id }) => `${JSON.stringify({ id, text })}\n`,
    ...given,
  }
}

function scriptedReader(): OutputReader {
  let outcome: Outcome | undefined
  const heard = new Set<string>()
  return {
    line(line) {
      const said = JSON.parse(line) as AgentEvent | { outcome: Outcome } | { heard: string }
      if ('heard' in said) heard.add(said.heard)
      if ('outcome' in said) outcome = said.outcome
      if (!('type' in said)) return { events: [] }
      if (said.type === 'turn.started') outcome = undefined
      return { events: [said], text: line }
    },
    outcome: (exit) =>
      outcome ?? (exit && { kind: 'failed', reason: { code: 'no-result', message: 'it ended' } }),
    heard: () => heard,
    nextProcess: () => {
      outcome = undefined
    },
  }
}

const print = (value: object) => `printf '%s\\n' '${JSON.stringify(value)}'`

/** Lines of such a script. */
export const lines = {
  event: (event: AgentEvent) => print(event),
  started: (session = 's1') => print({ type: 'turn.started', session }),
  reported: (summary = 'done') => print({ outcome: { kind: 'reported', summary } }),
  failed: (code: string, final = false) =>
    print({ outcome: { kind: 'failed', final, reason: { code, message: code } } }),
  quota: (resetAt?: number) => print({ outcome: { kind: 'quota', resetAt, message: 'used up' } }),
  /** Adds what it was told to the file, and commits. */
  commit: (file: string) => `cat >>${file}; git add . && git commit -qm ${file}`,
  /** Until the test makes the file. */
  until: (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`,
}
