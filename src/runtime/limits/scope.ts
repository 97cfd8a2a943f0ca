import type { Env } from '../../exec.ts'
import type { ProcessLimits } from '../runtime.ts'
import { findProgram, PROBE_MS, type Probe } from './probe.ts'

/** A scope of the user's systemd: a control group of its own for the agent and whatever it starts. */
export interface Scope {
  /** Where systemd-run is; undefined when its bus does not answer. */
  program?: string
  /** What it needs to find the bus; the agent does not get it. */
  bus?: Env
  /** Whether the memory of a scope is really limited here, and its processors. */
  memory?: boolean
  cpu?: boolean
}

const BUS = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS']
const TRIED = { memoryBytes: 67_108_864, cpuPercent: 50 }
/** Where the user's systemd was not given a controller it says nothing and limits nothing: so the group itself is asked. */
const LOOK = `group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
cat "$group/memory.max"; cat "$group/cpu.max"`

export async function probeScope({ exec, env }: Probe): Promise<Scope> {
  const program = findProgram('systemd-run', env)
  if (!program) return {}
  const bus = Object.fromEntries(Object.entries(env).filter(([name]) => BUS.includes(name)))
  const [first, ...rest] = command(program, TRIED)
  if (!first) return {}
  const { code, stdout } = await exec([first, ...rest, '/bin/sh', '-c', LOOK], { env, timeoutMs: PROBE_MS })
  if (code === null) return {}
  const memory = stdout.split('\n').includes(`${TRIED.memoryBytes}`)
  const cpu = /^50000 100000$/m.test(stdout)
  return memory || cpu ? { program, bus, memory, cpu } : {}
}

/** What stands before the agent's argv; empty when a scope can do nothing for these limits. */
export function scopeArgv(
  { program, bus = {}, memory, cpu }: Scope,
  limits: ProcessLimits,
  env: Env,
): string[] {
  const able = {
    ...(memory && { memoryBytes: limits.memoryBytes }),
    ...(cpu && { cpuPercent: limits.cpuPercent }),
  }
  if (!program || (able.memoryBytes === undefined && able.cpuPercent === undefined)) return []
  const added = Object.entries(bus).filter(([name, value]) => env[name] !== value)
  if (added.length === 0) return command(program, able)
  const back = added.flatMap(([name]) => (env[name] === undefined ? ['-u', name] : []))
  const own = added.flatMap(([name]) => (env[name] === undefined ? [] : [`${name}=${env[name]}`]))
  const given = added.map(([name, value]) => `${name}=${value}`)
  return ['/usr/bin/env', ...given, ...command(program, able), '/usr/bin/env', ...back, ...own]
}

function command(program: string, { memoryBytes, cpuPercent }: ProcessLimits): string[] {
  const properties = [
    ...(memoryBytes === undefined ? [] : [`MemoryMax=${Math.round(memoryBytes)}`]),
    ...(cpuPercent === undefined ? [] : [`CPUQuota=${cpuPercent}%`]),
  ]
  const set = properties.flatMap((property) => ['-p', property])
  return [program, '--user', '--scope', '--quiet', '--collect', ...set, '--']
}
