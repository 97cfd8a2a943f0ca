import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { daemonArgv } from '../api/program.ts'
import type { Environment } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import { OrchError } from '../errors.ts'
import { type Argv, type Env, type Exec, exec } from '../exec.ts'
import { oneLine } from '../text.ts'
import { launchdPlist, type ServiceSpec, systemdUnit } from './service-file.ts'

/** orchd as a service of the person's own session: started at login, started again after a crash. */

export interface ServiceOptions {
  environment: Pick<Environment, 'env' | 'home'>
  paths: Pick<Paths, 'state' | 'output'>
  platform: NodeJS.Platform
  exec?: Exec
  /** Settings that the daemon has in any case (ORCH_*). */
  variables?: Env
  /** The program to run. Default: our own daemon, by the Node that runs now. */
  argv?: Argv
}

export interface Service {
  /** The unit or plist. */
  file: string
  /** What was run to make it known. */
  commands: Argv[]
}

interface Manager {
  file: string
  content: (spec: ServiceSpec) => string
  /** Fails where this machine has no such manager for us. */
  probe: Argv
  enable: Argv[]
  disable: Argv[]
}

/**
 * Writes the service's file and starts the service.
 * @throws OrchError E_PROGRAM_MISSING where there is no service manager for us, E_INVALID for a path that cannot be
 * written into its file, E_INTERNAL when the manager refuses.
 */
export async function installService(options: ServiceOptions): Promise<Service> {
  const manager = managerOf(options)
  const content = manager.content(specOf(options))
  await probe(manager, options)
  await mkdir(dirname(manager.file), { recursive: true })
  await writeFile(manager.file, content, { mode: 0o600 })
  for (const argv of manager.enable) await run(argv, options)
  return { file: manager.file, commands: manager.enable }
}

/** Stops the service (agents go on working) and removes its file. A service that is not there is no error. */
export async function uninstallService(options: ServiceOptions): Promise<Service> {
  const manager = managerOf(options)
  await probe(manager, options)
  const [stop, ...after] = manager.disable
  if (stop) await run(stop, options).catch(() => {}) // it was not installed
  await rm(manager.file, { force: true })
  for (const argv of after) await run(argv, options)
  return { file: manager.file, commands: manager.disable }
}

function managerOf({ environment: { env, home }, platform }: ServiceOptions): Manager {
  if (platform === 'darwin') return launchd(home)
  if (platform === 'linux') return systemd(env.XDG_CONFIG_HOME || join(home, '.config'))
  throw absent(`orchd cannot be a service on ${platform}`)
}

function systemd(config: string): Manager {
  const systemctl = (...args: string[]): Argv => ['systemctl', '--user', ...args]
  return {
    file: join(config, 'systemd', 'user', 'orchd.service'),
    content: systemdUnit,
    probe: systemctl('show-environment'),
    enable: [systemctl('daemon-reload'), systemctl('enable', '--now', 'orchd.service')],
    disable: [systemctl('disable', '--now', 'orchd.service'), systemctl('daemon-reload')],
  }
}

function launchd(home: string): Manager {
  const file = join(home, 'Library', 'LaunchAgents', 'dev.orch.orchd.plist')
  return {
    file,
    content: launchdPlist,
    probe: ['launchctl', 'version'],
    enable: [['launchctl', 'load', '-w', file]],
    disable: [['launchctl', 'unload', '-w', file]],
  }
}

function specOf({ argv, environment, paths, variables }: ServiceOptions): ServiceSpec {
  return {
    argv: argv ?? daemonArgv(),
    // The agents are found on the PATH that the person has now. Keys and tokens come with each run, not from here.
    env: {
      ORCH_STATE_DIR: paths.state,
      ...(environment.env.PATH && { PATH: environment.env.PATH }),
      ...variables,
    },
    state: paths.state,
    output: paths.output,
  }
}

async function probe(manager: Manager, options: ServiceOptions): Promise<void> {
  await run(manager.probe, options).catch((cause) => {
    throw absent(`no service manager answers for this user: ${cause.message}`, cause)
  })
}

async function run(argv: Argv, { environment, exec: execute = exec }: ServiceOptions): Promise<void> {
  const { code, stderr } = await execute(argv, { env: environment.env, timeoutMs: 30_000 })
  if (code === 0) return
  throw new OrchError('E_INTERNAL', `${argv.join(' ')} ended with ${code}: ${oneLine(stderr, 500)}`, {
    fix: 'Run the command that is named by hand to see more. orchd needs no service: the first command starts it.',
  })
}

const absent = (message: string, cause?: unknown) =>
  new OrchError('E_PROGRAM_MISSING', message, {
    fix: 'Nothing needs to be done: orchd starts by itself with the first command that needs it.',
    cause,
  })
