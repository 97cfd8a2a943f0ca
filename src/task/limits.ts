import type { RunLimits, TaskLimits, Usage } from './task.ts'

/** What exceeds what. Pure: orchestrator/limits.ts asks for the figures and ends who is over. */

export type LimitCode =
  | 'time-limit'
  | 'idle-limit'
  | 'turn-limit'
  | 'token-limit'
  | 'cost-limit'
  | 'memory-limit'
  | 'run-limit'

export interface Excess {
  code: LimitCode
  /** Limit, figure, and what to raise. */
  message: string
  /** Another try would only use more: it is not made. */
  final: boolean
}

/** What an attempt has taken so far. */
export interface Taken {
  /** Wall time without that in which it waited for a quota or a person. */
  workedMs: number
  /** Since it printed anything. */
  silentMs: number
  usage: Usage
  /** Of all its processes; absent when it was not measured. */
  memoryBytes?: number
}

/** Input and output together, as limits count them; cached input is left out. */
export const tokensOf = ({ inputTokens, outputTokens }: Usage): number => inputTokens + outputTokens

/** Memory that all processes of an attempt may have: the task's on top of its program's own need (decision 014). */
export function memoryAllowed(limits: TaskLimits, footprintMegabytes: number): number | undefined {
  return limits.memoryBytes && limits.memoryBytes + footprintMegabytes * 1_000_000
}

/** The first limit of an attempt that is exceeded, those first that no further try can help. */
export function attemptExcess(
  limits: TaskLimits,
  taken: Taken,
  program: { name: string; footprintMegabytes: number },
): Excess | undefined {
  return (
    usageExcess(limits, taken.usage) ??
    memoryExcess(limits, taken.memoryBytes, program) ??
    timeExcess(limits, taken)
  )
}

function usageExcess({ costUsd, tokens, turns }: TaskLimits, usage: Usage): Excess | undefined {
  const over = (code: LimitCode, message: string): Excess => ({ code, message, final: true })
  if (costUsd !== undefined && (usage.costUsd ?? 0) > costUsd)
    return over(
      'cost-limit',
      `the attempt has cost ${dollars(usage.costUsd)}; it may cost ${dollars(costUsd)} (limit costUsd of settings, profile or task)`,
    )
  if (tokens !== undefined && tokensOf(usage) > tokens)
    return over(
      'token-limit',
      `the attempt has used ${count(tokensOf(usage))} tokens; it may use ${count(tokens)} (limit tokens of settings, profile or task)`,
    )
  if (turns !== undefined && usage.turns > turns)
    return over(
      'turn-limit',
      `the attempt has made ${count(usage.turns)} turns; it may make ${count(turns)} (limit turns of settings, profile or task; --max-turns)`,
    )
  return undefined
}

function memoryExcess(
  limits: TaskLimits,
  bytes: number | undefined,
  { name, footprintMegabytes }: { name: string; footprintMegabytes: number },
): Excess | undefined {
  const allowed = memoryAllowed(limits, footprintMegabytes)
  if (allowed === undefined || bytes === undefined || bytes <= allowed) return undefined
  const own = footprintMegabytes > 0 ? `, ${footprintMegabytes} of them for ${name} itself` : ''
  return {
    code: 'memory-limit',
    message: `the agent's processes took ${megabytes(bytes)} of memory; they may take ${megabytes(allowed)}${own} (limit memoryMegabytes of settings, profile or task; --memory)`,
    final: false,
  }
}

function timeExcess({ wallMs, idleMs }: TaskLimits, { workedMs, silentMs }: Taken): Excess | undefined {
  if (workedMs > wallMs)
    return {
      code: 'time-limit',
      message: `the agent was not done after ${minutes(wallMs)} (limit wallMinutes of settings, profile or task; --time-limit)`,
      final: false,
    }
  if (idleMs !== undefined && silentMs > idleMs)
    return {
      code: 'idle-limit',
      message: `the agent has printed nothing for ${minutes(idleMs)}: it counts as hung (limit idleMinutes of settings, profile or task; --idle-limit)`,
      final: false,
    }
  return undefined
}

/** What all attempts of a run have taken together. */
export interface RunTaken {
  /** Since it was submitted. */
  wallMs: number
  usage: Usage
}

/** The first limit of a run that is exceeded: then none of its tasks goes on. */
export function runExcess(limits: RunLimits, { wallMs, usage }: RunTaken): Excess | undefined {
  const over = (message: string): Excess => ({ code: 'run-limit', message, final: true })
  if (limits.costUsd !== undefined && (usage.costUsd ?? 0) > limits.costUsd)
    return over(
      `the run has cost ${dollars(usage.costUsd)}; it may cost ${dollars(limits.costUsd)} (setting runCostUsd, --max-cost)`,
    )
  if (limits.tokens !== undefined && tokensOf(usage) > limits.tokens)
    return over(
      `the run has used ${count(tokensOf(usage))} tokens; it may use ${count(limits.tokens)} (setting runTokens, --max-tokens)`,
    )
  if (limits.wallMs !== undefined && wallMs > limits.wallMs)
    return over(`the run was not done after ${minutes(limits.wallMs)} (setting runMinutes)`)
  return undefined
}

const count = (value: number) => value.toLocaleString('en')
const dollars = (value = 0) => `$${value.toFixed(Math.abs(value) < 1 ? 4 : 2)}`
const megabytes = (bytes: number) => `${count(Math.round(bytes / 1e6))} MB`
const minutes = (ms: number) => {
  const value = Math.round(ms / 600) / 100
  return `${count(value)} ${value === 1 ? 'minute' : 'minutes'}`
}
