import type { Client } from '../api/client.ts'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import { oneLine } from '../text.ts'

/** `orch start --host-name … --labels … --max-agents …`: what the daemon that is started is to other hosts. */
export interface HostFlags {
  hostName?: string
  labels?: string
  maxAgents?: string
}

const SETTINGS = [
  { flag: 'hostName', option: '--host-name', setting: 'hostName', variable: 'ORCH_HOST_NAME' },
  { flag: 'labels', option: '--labels', setting: 'hostLabels', variable: 'ORCH_HOST_LABELS' },
  { flag: 'maxAgents', option: '--max-agents', setting: 'totalAgents', variable: 'ORCH_TOTAL_AGENTS' },
] as const

const MEANT = {
  '--host-name': 'lower-case letters, digits, dots and dashes, 63 at most',
  '--labels': 'words of lower-case letters, digits and dashes with commas between them: gpu,linux',
  '--max-agents': 'a whole number from 1 to 1000',
}

/** As variables of the daemon's environment: they come before its configuration. @throws OrchError E_USAGE */
export async function hostVariables(flags: HostFlags): Promise<Env> {
  const given = SETTINGS.filter(({ flag }) => flags[flag] !== undefined)
  if (given.length === 0) return {}
  const { daemonSettings } = await import('../config/schema.ts')
  const variables: Record<string, string> = {}
  for (const { flag, option, setting, variable } of given) {
    const text = flags[flag] ?? ''
    const value = setting === 'totalAgents' && /^\d+$/.test(text) ? Number(text) : text
    if (!daemonSettings.shape[setting].safeParse(value).success)
      throw new OrchError(
        'E_USAGE',
        `${option} takes ${MEANT[option]}, not ${JSON.stringify(oneLine(text, 100))}`,
      )
    variables[variable] = text
  }
  return variables
}

/**
 * Whether the daemon that answers is what was asked for; one that was there already may be something else.
 * @throws OrchError E_STATE that names what differs
 */
export async function expectHost(client: Client, flags: HostFlags): Promise<void> {
  if (SETTINGS.every(({ flag }) => flags[flag] === undefined)) return
  const { hosts } = await client.call('hosts')
  const host = hosts.find(({ here }) => here)
  if (!host) return
  const list = (labels: readonly string[]) => [...new Set(labels)].sort().join(',')
  const asked = (flags.labels ?? '').split(',').map((it) => it.trim())
  const faults = [
    flags.hostName !== undefined && flags.hostName !== host.name && `its name is ${host.name}`,
    flags.labels !== undefined &&
      list(asked) !== list(host.labels) &&
      `its labels are ${list(host.labels) || 'none'}`,
    flags.maxAgents !== undefined &&
      Number(flags.maxAgents) !== host.agents.limit &&
      `it runs ${host.agents.limit} agents at once`,
  ].filter((fault) => fault !== false)
  if (faults.length === 0) return
  throw new OrchError('E_STATE', `a daemon runs already and is something else: ${faults.join('; ')}`, {
    fix: '`orch stop`, then the same command again: agents go on working meanwhile.',
  })
}
