import type { ProjectConfig } from '../../config/schema.ts'
import type { Profile, ProfileLimits } from '../../profile/profile.ts'
import type { RunLimits, TaskLimits } from '../../task/task.ts'

/** What a run may take, as it is asked for. */
export interface RunLimitOrder {
  wallMinutes?: number | undefined
  tokens?: number | undefined
  costUsd?: number | undefined
}

/** The limits of each attempt of a task: the task's own word over its profile over the settings. */
export function limitsOf(
  order: { limits?: ProfileLimits | undefined; wallMinutes?: number | undefined },
  profile: Pick<Profile, 'limits'>,
  settings: ProjectConfig,
): TaskLimits {
  const own = { wallMinutes: order.wallMinutes, ...given(order.limits ?? {}) }
  const limits = { ...pick(settings), ...given(profile.limits), ...given(own) }
  const { wallMinutes = settings.wallMinutes, idleMinutes, memoryMegabytes, ...others } = limits
  return {
    wallMs: wallMinutes * 60_000,
    outputBytes: settings.outputMegabytes * 1_000_000,
    ...(idleMinutes !== undefined && { idleMs: idleMinutes * 60_000 }),
    ...(memoryMegabytes !== undefined && { memoryBytes: memoryMegabytes * 1_000_000 }),
    ...given(others),
  }
}

/** What all attempts of a run may take together; undefined when nothing bounds it. */
export function runLimitsOf(settings: ProjectConfig, order: RunLimitOrder = {}): RunLimits | undefined {
  const minutes = order.wallMinutes ?? settings.runMinutes
  const limits = given({
    wallMs: minutes && minutes * 60_000,
    tokens: order.tokens ?? settings.runTokens,
    costUsd: order.costUsd ?? settings.runCostUsd,
  })
  return Object.keys(limits).length > 0 ? limits : undefined
}

const pick = ({
  wallMinutes,
  idleMinutes,
  memoryMegabytes,
  cpuPercent,
  turns,
  tokens,
  costUsd,
}: ProjectConfig) => given({ wallMinutes, idleMinutes, memoryMegabytes, cpuPercent, turns, tokens, costUsd })

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>
