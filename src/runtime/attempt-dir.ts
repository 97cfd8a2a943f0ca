import { lstat, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import { SAFE_NAME } from '../id.ts'
import { createTurns } from '../turns.ts'
import { appendAt, readPart, readTail } from './attempt-files.ts'
import { installShim, writeLaunch, writeLease, writeNext } from './launch-files.ts'
import type { Limiter } from './limits/limits.ts'
import { type Offer, offer } from './offers.ts'
import type { ProcessTable } from './processes/processes.ts'
import { type SentReply, sendReply } from './replies.ts'
import type { AttemptStatus, LaunchSpec } from './runtime.ts'
import { send } from './send.ts'
import { specScript } from './spec.ts'
import { readStatus } from './status.ts'
import { stop } from './stop.ts'
import { watchDirectory } from './watch.ts'
import { ifThere } from './whole-file.ts'

/** The attempt directories: what the daemon does with them; shim.sh is the other side. Safe to call again after a crash. */
export interface AttemptDirectories {
  /** @throws OrchError E_INVALID, as every verb, for a name that is not a SAFE_NAME. */
  path(agent: string): string
  /**
   * Writes everything the shim needs, `spec.sh` last and by rename. A directory whose lock is taken is left as it is.
   * @throws OrchError E_INVALID, E_TOO_LARGE, E_DISK_FULL
   */
  prepare(spec: LaunchSpec): Promise<void>
  /**
   * The next process of an attempt whose last one has ended: everything as `prepare`, appended to the same output. A crash
   * in between leaves the attempt exited as it was, or ready for the next start.
   * @throws OrchError E_STATE unless the last one has exited, E_INVALID, E_TOO_LARGE, E_DISK_FULL
   */
  proceed(spec: LaunchSpec): Promise<void>
  /**
   * Sends a reply. One with `once` is noted in the file `sent` before, any other after it was sent, and what is noted is
   * not sent again. @throws as send; OrchError E_INVALID for an id of several lines
   */
  reply(agent: string, reply: SentReply): Promise<void>
  status(agent: string): Promise<AttemptStatus>
  /**
   * Moves the time on at which the shim ends the agent by itself (`LaunchSpec.leaseUntil`; ms since the epoch by this
   * machine's clock). Without a directory nothing is written. @throws OrchError E_DISK_FULL
   */
  hold(agent: string, untilMs: number): Promise<void>
  /**
   * Writes to the agent's FIFO, after its first input; waits for a shim that is just starting.
   * @throws OrchError E_CANNOT_HEAR when nothing holds it open, E_TIMEOUT when the agent does not read.
   */
  send(agent: string, text: string): Promise<void>
  /**
   * Puts words where the hook for a turn's end finds them, exactly these; none takes back what is on offer. Gives the ids of
   * those that hooks of this process have taken, and when: they are not offered again. @throws OrchError E_INVALID, E_DISK_FULL
   */
  offer(agent: string, offer: Offer): Promise<ReadonlyMap<string, number>>
  /** Bytes of out.jsonl from `from`, at most `maxBytes`; empty at the end or when there is none. */
  read(agent: string, from: number, maxBytes: number): Promise<Buffer>
  /** Cuts the readable log to `at` bytes, appends `text`, gives the new length. @throws OrchError E_DISK_FULL */
  appendLog(agent: string, at: number, text: string): Promise<number>
  readLog(agent: string, from: number, maxBytes: number): Promise<Buffer>
  /** The last bytes of err.log as text without control characters; of setup.log when the agent complained of nothing. */
  errors(agent: string, maxBytes: number): Promise<string>
  /** Calls `changed` soon after anything in the directory changed, and now and then. Gives the function that stops it. */
  watch(agent: string, changed: () => void): () => void
  /**
   * Ends the agent: TERM to its process group, to every process that carries its mark (ORCH_AGENT=name) and to their
   * descendants, KILL after `graceMs`, until none is left. The shim then writes exit.json. After the agent's own end it
   * sweeps what was left behind. Gives how many processes needed KILL.
   * @throws OrchError E_RUNTIME when one does not even end by KILL.
   */
  stop(agent: string, graceMs: number): Promise<{ killed: number }>
  /** Text of one of `LaunchSpec.files`; undefined when there is none of that name. */
  file(agent: string, name: string): Promise<string | undefined>
  list(): Promise<string[]>
  /** @throws OrchError E_STATE while it runs. */
  remove(agent: string): Promise<void>
}
export type { AttemptStatus, LaunchSpec }

export interface AttemptDeps {
  /** Where the directories are; made when it is missing. */
  root: string
  clock: Clock
  processes: ProcessTable
  /** Sees to `LaunchSpec.limits`; without it the system is asked to limit nothing. */
  limiter?: Limiter
}

export function createAttemptDirectories(deps: AttemptDeps): AttemptDirectories {
  const { root, clock, processes } = deps
  const path = (agent: string) => {
    if (!SAFE_NAME.test(agent))
      throw new OrchError('E_INVALID', `${JSON.stringify(agent)} cannot name an agent`)
    return join(root, agent)
  }
  const file = (agent: string, name: string) => join(path(agent), name)
  const limited = async (spec: LaunchSpec): Promise<LaunchSpec> => {
    specScript(spec) // refused as it was asked for, not as it is wrapped
    const argv = await deps.limiter?.wrap(spec.argv, spec.limits, spec.env)
    return argv ? { ...spec, argv } : spec
  }
  const inTurn = createTurns() // a long message takes several writes: those for one agent go one after the other
  return {
    path,
    prepare: async (spec) => {
      const directory = path(spec.agent)
      await installShim(root)
      await writeLaunch(directory, await limited(spec))
    },
    proceed: async (spec) => {
      const directory = path(spec.agent)
      await installShim(root)
      const within = await limited(spec)
      await inTurn(`proceed ${spec.agent}`, () => writeNext(directory, within, processes))
    },
    reply: async (agent, reply) =>
      inTurn(agent, () => sendReply(path(agent), reply, (text) => send(path(agent), text, deps))),
    status: async (agent) => readStatus(path(agent), processes),
    hold: async (agent, untilMs) => {
      if (await ifThere(lstat(file(agent, 'spec.sh')))) await writeLease(path(agent), untilMs)
    },
    send: async (agent, text) => inTurn(agent, () => send(path(agent), text, deps)),
    offer: async (agent, words) => inTurn(`offer ${agent}`, () => offer(path(agent), words)),
    read: async (agent, from, maxBytes) => readPart(file(agent, 'out.jsonl'), from, maxBytes),
    appendLog: async (agent, at, text) => appendAt(file(agent, 'log'), at, text),
    readLog: async (agent, from, maxBytes) => readPart(file(agent, 'log'), from, maxBytes),
    errors: async (agent, maxBytes) =>
      (await readTail(file(agent, 'err.log'), maxBytes)) || readTail(file(agent, 'setup.log'), maxBytes),
    watch: (agent, changed) => watchDirectory(path(agent), changed, clock),
    stop: async (agent, graceMs) => stop(path(agent), agent, graceMs, deps),
    file: async (agent, name) => ifThere(readFile(file(agent, name), 'utf8')),
    list: async () => {
      const entries = (await ifThere(readdir(root, { withFileTypes: true }))) ?? []
      return entries.filter((it) => it.isDirectory() && SAFE_NAME.test(it.name)).map(({ name }) => name)
    },
    remove: async (agent) => remove(root, path(agent), agent, processes),
  }
}

async function remove(
  root: string,
  directory: string,
  agent: string,
  processes: ProcessTable,
): Promise<void> {
  const { state } = await readStatus(directory, processes)
  if (state === 'running') throw new OrchError('E_STATE', `${agent} is still running`)
  // Away under its name in one step: a directory that is half deleted would look like an attempt.
  const away = join(root, `.${agent}.removed`)
  await rm(away, { recursive: true, force: true })
  await ifThere(rename(directory, away))
  await rm(away, { recursive: true, force: true })
}
