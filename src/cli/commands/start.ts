import type { Command } from 'commander'
import { daemonArgv } from '../../api/program.ts'
import { OrchError } from '../../errors.ts'
import { spawnForeground } from '../../exec.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'

interface Options {
  install?: boolean
  uninstall?: boolean
  foreground?: boolean
}

export function define(command: Command, cli: Cli): void {
  command.option('--install', 'start it at each login (systemd or launchd) and after a crash')
  command.option('--uninstall', 'take that back')
  command.option('--foreground', 'be the daemon, in this terminal, until Ctrl-C')
  examples(command, ['orch start', 'orch start --install', 'orch start --foreground'])
  command.action(async (options: Options) => {
    if (Object.keys(options).filter((name) => name !== 'json').length > 1)
      throw new OrchError('E_USAGE', '--install, --uninstall and --foreground exclude each other')
    if (options.install || options.uninstall) return await service(cli, options.install === true)
    if (options.foreground) return await foreground(cli)
    const { version, pid } = await (await cli.connect()).call('health')
    const { socket } = cli.paths
    cli.answer('start', { version, pid, socket }, () => `orchd ${version} is running, pid ${pid}\n`)
  })
}

async function service(cli: Cli, install: boolean): Promise<void> {
  const { installService, uninstallService } = await import('../../daemon/service.ts')
  const { environment, platform } = cli.world
  const { file, commands } = await (install ? installService : uninstallService)({
    environment,
    platform,
    paths: cli.paths,
  })
  cli.answer('service', { installed: install, file, commands }, () => {
    const ran = commands.map((argv) => `ran ${argv.join(' ')}\n`).join('')
    return `${install ? 'wrote' : 'removed'} ${file}\n${ran}`
  })
}

/** Ctrl-C reaches daemon and us alike: it stops, and we give its exit code. */
async function foreground(cli: Cli): Promise<void> {
  const release = cli.world.onInterrupt(() => {})
  try {
    cli.exit(await spawnForeground(daemonArgv(), { env: cli.world.environment.env }))
  } finally {
    release()
  }
}
