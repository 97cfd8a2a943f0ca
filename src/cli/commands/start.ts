import type { Command } from 'commander'
import { daemonArgv } from '../../api/program.ts'
import { loadConfig } from '../../config/load.ts'
import { OrchError } from '../../errors.ts'
import { type Env, spawnForeground } from '../../exec.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { expectHost, type HostFlags, hostVariables } from '../host-flags.ts'

interface Options extends HostFlags {
  install?: boolean
  uninstall?: boolean
  foreground?: boolean
}

export function define(command: Command, cli: Cli): void {
  command.option('--install', 'start it at each login (systemd or launchd) and after a crash')
  command.option('--uninstall', 'take that back')
  command.option('--foreground', 'be the daemon, in this terminal, until Ctrl-C')
  command.option('--host-name <name>', 'what this host is called among those that share a store')
  command.option('--labels <list>', 'what it has, with commas: tasks may ask for it')
  command.option('--max-agents <n>', 'how many agents it runs at once')
  examples(command, [
    'orch start',
    'orch start --install',
    'orch start --foreground',
    'orch start --host-name build-7 --labels gpu,linux --max-agents 8',
  ])
  command.action(async (options: Options) => {
    const { install, uninstall, foreground, ...flags } = options
    if ([install, uninstall, foreground].filter(Boolean).length > 1)
      throw new OrchError('E_USAGE', '--install, --uninstall and --foreground exclude each other')
    const variables = await hostVariables(flags)
    if (uninstall && Object.keys(variables).length > 0)
      throw new OrchError('E_USAGE', '--uninstall takes no settings of the host')
    if (install || uninstall) return await service(cli, install === true, variables)
    if (foreground) return await beDaemon(cli, variables)
    const client = await cli.connect({ autostart: true, variables })
    await expectHost(client, flags)
    const { version, pid } = await client.call('health')
    const { socket } = cli.paths
    cli.answer('start', { version, pid, socket }, () => `orchd ${version} is running, pid ${pid}\n`)
  })
}

async function service(cli: Cli, install: boolean, variables: Env): Promise<void> {
  if (install) await tellOfSecrets(cli)
  const { installService, uninstallService } = await import('../../daemon/service.ts')
  const { environment, platform } = cli.world
  const { file, commands } = await (install ? installService : uninstallService)({
    environment,
    platform,
    paths: cli.paths,
    variables,
  })
  cli.answer('service', { installed: install, file, commands }, () => {
    const ran = commands.map((argv) => `ran ${argv.join(' ')}\n`).join('')
    return `${install ? 'wrote' : 'removed'} ${file}\n${ran}`
  })
}

/** A service has not the variables of this shell, and its file is no place for a secret. */
async function tellOfSecrets({ world: { environment }, note }: Cli): Promise<void> {
  const { config } = await loadConfig(environment)
  const name = config.redis?.password
  if (name === undefined) return
  note(
    `note: the service needs the variable ${name}: for systemd put ${name}=… into ~/.config/environment.d/orch.conf (chmod 600), then log in again`,
  )
}

/** Ctrl-C reaches daemon and us alike: it stops, and we give its exit code. */
async function beDaemon(cli: Cli, variables: Env): Promise<void> {
  const release = cli.world.onInterrupt(() => {})
  try {
    cli.exit(await spawnForeground(daemonArgv(), { env: { ...cli.world.environment.env, ...variables } }))
  } finally {
    release()
  }
}
