import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../clock.ts'
import type { ProjectConfig } from '../../config/schema.ts'
import { toOrchError } from '../../errors.ts'
import type { Env, Exec, ExecResult } from '../../exec.ts'
import { plainText } from '../../text.ts'
import type { Bare, BareRepository } from '../bare.ts'
import type { Check, CommitCarrier, Publisher } from '../forge.ts'
import { freshRecord } from './local.ts'
import type { PullRequestRecords } from './records.ts'

export interface CheckRunner {
  /**
   * Runs the configured checks, one after the other, on the head of a pull request: in a checkout of its own, made from
   * the bare repository and removed afterwards. What ran on this commit to its end is not run again, and callers at the
   * same time share one run. A check that cannot be started or takes too long has failed. Gives all of them in order.
   * @param env the whole environment of the checks
   * @param signal ends the check that runs; nothing is noted of it, and it runs anew the next time
   * @throws OrchError E_NOT_FOUND, E_GIT, E_DISK_FULL
   */
  run(
    repo: string,
    number: number,
    checks: ConfiguredChecks,
    env: Env,
    signal?: AbortSignal,
    by?: Publisher,
  ): Promise<Check[]>
}

export type ConfiguredChecks = ProjectConfig['checks']
type ConfiguredCheck = ConfiguredChecks[string]

export interface CheckRunnerOptions {
  bare: Bare
  records: PullRequestRecords
  exec: Exec
  clock: Clock
  /** As the local forge has it. */
  commits?: CommitCarrier | undefined
}

const SUMMARY_LINES = 100
const SUMMARY_CHARACTERS = 16_000

export function createCheckRunner(options: CheckRunnerOptions): CheckRunner {
  const underWay = new Map<string, Promise<Check[]>>()
  const swept = new Map<string, Promise<void>>()
  return {
    async run(repo, number, checks, env, signal, by) {
      const bare = await options.bare.open(repo)
      const home = dirname(bare.path)
      if (!swept.has(home)) swept.set(home, sweep(home))
      await swept.get(home)
      const { headCommit, checks: known } = await freshRecord(options, bare, number, by)
      const key = `${bare.id} ${number} ${headCommit}`
      const running =
        underWay.get(key) ??
        runAll(options, bare, { number, commit: headCommit, known, checks, env, signal }).finally(() =>
          underWay.delete(key),
        )
      underWay.set(key, running)
      return running
    },
  }
}

interface Order {
  number: number
  commit: string
  known: Check[]
  checks: ConfiguredChecks
  env: Env
  signal: AbortSignal | undefined
}

async function runAll(options: CheckRunnerOptions, bare: BareRepository, order: Order): Promise<Check[]> {
  const { records, clock } = options
  const note = (check: Check) => records.checked(bare.source, order.number, check, clock.now())
  const results = new Map<string, Check>()
  const todo: [string, ConfiguredCheck][] = []
  for (const [name, check] of Object.entries(order.checks)) {
    const done = order.known.find((one) => one.name === name && one.commit === order.commit)
    if (done && done.state !== 'pending') results.set(name, done)
    else todo.push([name, check])
  }
  for (const [name, { required }] of todo)
    await note({ name, required, state: 'pending', commit: order.commit })
  if (todo.length > 0)
    await inCheckout(bare, order.commit, async (cwd) => {
      for (const [name, check] of todo) {
        const outcome = await runOne(options, check, cwd, order)
        order.signal?.throwIfAborted()
        const result: Check = { name, required: check.required, commit: order.commit, ...outcome }
        await note(result)
        results.set(name, result)
      }
    })
  return Object.keys(order.checks).flatMap((name) => results.get(name) ?? [])
}

async function runOne(
  { exec }: CheckRunnerOptions,
  check: ConfiguredCheck,
  cwd: string,
  { env, signal }: Order,
): Promise<Pick<Check, 'state' | 'summary'>> {
  const limits = { timeoutMs: check.timeoutMinutes * 60_000, maxBytes: 256 * 1024 }
  try {
    const result = await exec(check.run, { cwd, env, keep: 'last', sweep: true, signal, ...limits })
    const state = result.code === 0 && !result.timedOut ? 'success' : 'failure'
    return { state, summary: summarise(result, check.timeoutMinutes) }
  } catch (error) {
    const { code, message } = toOrchError(error)
    if (code !== 'E_PROGRAM_MISSING') throw error
    return { state: 'failure', summary: message }
  }
}

function summarise(result: ExecResult, minutes: number): string {
  const said = plainText(`${result.stdout.trimEnd()}\n${result.stderr.trimEnd()}`.trim())
  const tail = said.split('\n').slice(-SUMMARY_LINES).join('\n').slice(-SUMMARY_CHARACTERS)
  if (result.timedOut) return `${tail}\n(stopped after ${minutes} minutes)`.trimStart()
  return result.code === 0 ? tail : `${tail}\n(exit ${result.code ?? result.killedBy})`.trimStart()
}

/** The checkout borrows the bare repository's objects: nothing of the person's repository, its configuration and hooks is in it. */
async function inCheckout(
  bare: BareRepository,
  commit: string,
  work: (cwd: string) => Promise<void>,
): Promise<void> {
  const home = dirname(bare.path)
  const scratch = await mkdtemp(join(home, 'check-'))
  const cwd = join(scratch, 'work')
  try {
    const clone = ['clone', '--quiet', '--shared', '--no-checkout', '--no-tags', '--template=']
    await bare.git.in(home)([...clone, bare.path, cwd])
    await bare.git.in(cwd)(['checkout', '--quiet', '--detach', commit], { timeoutMs: 600_000 })
    await work(cwd)
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 }).catch(() => {}) // then `sweep` does it
  }
}

/** What a killed daemon left. Nobody needs it gone: what cannot be looked at or removed stays. */
async function sweep(home: string): Promise<void> {
  for (const name of await readdir(home).catch(() => []))
    if (name.startsWith('check-'))
      await rm(join(home, name), { recursive: true, force: true }).catch(() => {})
}
