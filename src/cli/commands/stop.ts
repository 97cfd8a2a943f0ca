import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { OrchError } from '../../errors.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { stopDaemon } from '../stop-daemon.ts'

export function define(command: Command, cli: Cli): void {
  command.option('--agents', 'end all agents first; their tasks are cancelled and their work is saved')
  examples(command, [
    'orch stop            # agents go on; the next command takes them up again',
    'orch stop --agents',
  ])
  command.action(async ({ agents = false }: { agents?: boolean }) => {
    // Agents outlive a daemon: to end them, one is needed.
    const autostart = agents && existsSync(cli.paths.store)
    const client = await cli.connect({ autostart }).catch((error: OrchError) => {
      if (!autostart && error.code === 'E_DAEMON') return undefined
      throw error
    })
    const stopped = client ? await stopDaemon(client, cli.world.clock, agents) : { stoppedAgents: 0 }
    cli.answer('stop', { wasRunning: client !== undefined, ...stopped }, () => {
      if (!client) return 'no daemon is running\n'
      return agents
        ? `stopped the daemon and ${count(stopped.stoppedAgents, 'agent')}\n`
        : 'stopped the daemon\n'
    })
  })
}
