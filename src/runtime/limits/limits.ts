import type { Argv, Env, Exec } from '../../exec.ts'
import type { ProcessLimits } from '../runtime.ts'
import { type Probe, worksBefore } from './probe.ts'
import { probeScope, type Scope, scopeArgv } from './scope.ts'

/** Puts before an agent's argv what the system itself can see to. The watchdog of processes/ sees to the rest. */
export interface Limiter {
  /**
   * The argv that runs `argv` within the limits as far as this system can: in a scope of its own where the user's systemd
   * answers, else behind all others (nice, ionice), first to go when memory runs out, and with a bound to what one process
   * can reserve. All of them replace themselves by the agent: process id, signals and exit status are its own.
   * `env` is the agent's environment.
   */
  wrap(argv: Argv, limits: ProcessLimits | undefined, env: Env): Promise<Argv>
}

export interface LimiterDeps {
  platform: NodeJS.Platform
  exec: Exec
  /** The daemon's own environment: where the programs are, and the user's bus. */
  env: Env
}

/** What this system can do, found out once and only when a limit is first asked for. */
interface Means {
  scope: Scope
  nice: string[]
  ionice: string[]
  prlimit: string[]
  /** Whether /proc/self/oom_score_adj is there. */
  oom: boolean
}

/**
 * What a process may reserve above the agent's limit. Programs on V8 or Bun reserve far more than they use: opencode uses
 * 0.4 GB, has 70 GB of data when it may, and dies below 1.6 GB; so this only ends one that runs away within a second.
 */
const RESERVED_BYTES = 4_000_000_000
/** Its place among those that the kernel ends when memory runs out; 1,000 goes first. */
const OOM_SCORE = 500
/** Runs the rest of its arguments, whatever they look like; nice and env would read `A=b` as something else. */
const RUN: Argv = ['/bin/sh', '-c', 'exec "$@"', 'sh']
const RUN_FIRST_TO_GO: Argv = [
  '/bin/sh',
  '-c',
  `{ echo ${OOM_SCORE} >/proc/self/oom_score_adj; } 2>/dev/null; exec "$@"`,
  'sh',
]

export function createLimiter(deps: LimiterDeps): Limiter {
  let means: Promise<Means> | undefined
  return {
    wrap: async (argv, limits = {}, env) => {
      if (limits.memoryBytes === undefined && limits.cpuPercent === undefined) return argv
      means ??= findMeans(deps).catch((error) => {
        means = undefined
        throw error
      })
      return wrapWith(await means, argv, limits, env)
    },
  }
}

async function findMeans(deps: LimiterDeps): Promise<Means> {
  const linux = deps.platform === 'linux'
  const probe: Probe = { exec: deps.exec, env: deps.env }
  const nice = worksBefore(probe, 'nice', ['-n', '10'])
  if (!linux) return { scope: {}, nice: await nice, ionice: [], prlimit: [], oom: false }
  return {
    scope: await probeScope(probe),
    nice: await nice,
    ionice: await worksBefore(probe, 'ionice', ['-c', '2', '-n', '7']),
    prlimit: await worksBefore(probe, 'prlimit', [`--data=${RESERVED_BYTES}`]),
    oom: true,
  }
}

function wrapWith(means: Means, argv: Argv, limits: ProcessLimits, env: Env): Argv {
  const { memoryBytes, cpuPercent } = limits
  const { scope } = means
  const before: string[] = []
  if (cpuPercent !== undefined && !scope.cpu) before.push(...means.nice, ...means.ionice)
  const alone = memoryBytes !== undefined && !scope.memory
  const [prlimit] = means.prlimit
  if (alone && prlimit) before.push(prlimit, `--data=${Math.round(memoryBytes) + RESERVED_BYTES}`)
  const inner = alone && means.oom ? RUN_FIRST_TO_GO : RUN
  const [program, ...rest] = [...scopeArgv(scope, limits, env), ...before]
  if (program) return [program, ...rest, ...inner, ...argv]
  return inner === RUN ? argv : [...inner, ...argv]
}
