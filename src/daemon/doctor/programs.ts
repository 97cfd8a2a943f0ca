import { detectProgram, findProgram } from '../../agent/detect.ts'
import type { Environment } from '../../config/load.ts'
import { CATALOGUE } from '../../errors.ts'
import type { Argv, Env, Exec, ExecResult } from '../../exec.ts'
import type { Finding } from './finding.ts'

/** The programs that doctor looks for. */

export interface AgentProgram {
  name: string
  /** The command that installs it. */
  install: string
}

export interface Machine {
  exec: Exec
  environment: Environment
  platform: NodeJS.Platform
  /** The beginning of the command that installs a package here. */
  installer: string | undefined
}

const INSTALLERS: [program: string, command: string][] = [
  ['apt-get', 'sudo apt-get install -y'],
  ['dnf', 'sudo dnf install -y'],
  ['pacman', 'sudo pacman -S --noconfirm'],
  ['apk', 'sudo apk add'],
  ['zypper', 'sudo zypper install -y'],
]

/** How packages are installed on this machine; undefined when we do not know. */
export async function findInstaller(env: Env, platform: NodeJS.Platform): Promise<string | undefined> {
  if (platform === 'darwin') return 'brew install'
  for (const [program, command] of INSTALLERS) if (await findProgram(program, env)) return command
  return undefined
}

const install = ({ installer }: Machine, name: string) =>
  installer ? `${installer} ${name}` : `Install ${name} with the package manager of your system.`

async function run(
  { exec, environment: { env, cwd } }: Machine,
  argv: Argv,
): Promise<ExecResult | undefined> {
  return await exec(argv, { env, cwd, timeoutMs: 10_000, maxBytes: 65_536 }).catch(() => undefined)
}

interface Needed {
  name: string
  flag: string
  least: [major: number, minor: number]
}

/** A program that must be there in some version: undefined when it is, else what is wrong. */
async function lacking(
  machine: Machine,
  { name, flag, least }: Needed,
): Promise<{ found: string; ok: boolean }> {
  const program = await findProgram(name, machine.environment.env)
  if (!program) return { found: 'not installed', ok: false }
  const result = await run(machine, [program, flag])
  const [version, major, minor] = result?.stdout.match(/(\d+)\.(\d+)[\w.-]*/) ?? []
  if (version === undefined) return { found: `${program} does not tell its version`, ok: false }
  const [needMajor, needMinor] = least
  const ok = Number(major) > needMajor || (Number(major) === needMajor && Number(minor) >= needMinor)
  return { found: `version ${version}, ${program}${ok ? '' : `; ${least.join('.')} or newer is needed`}`, ok }
}

export async function examineGit(machine: Machine): Promise<Finding[]> {
  const { found, ok } = await lacking(machine, { name: 'git', flag: '--version', least: [2, 38] })
  return [
    ok
      ? { name: 'git', state: 'ok', found }
      : { name: 'git', state: 'fail', found, fix: install(machine, 'git') },
  ]
}

export async function examineIdentity(machine: Machine): Promise<Finding[]> {
  const name = 'git identity'
  const values = await Promise.all(
    ['user.name', 'user.email'].map(async (key) =>
      (await run(machine, ['git', 'config', key]))?.stdout.trim(),
    ),
  )
  const { env } = machine.environment
  const [who, mail] = [values[0] || env.GIT_COMMITTER_NAME, values[1] || env.GIT_COMMITTER_EMAIL]
  if (who && mail) return [{ name, state: 'ok', found: `${who} <${mail}>` }]
  return [{ name, state: 'fail', found: 'git does not know who you are', fix: CATALOGUE.E_NO_IDENTITY.fix }]
}

/** Without tmux Orch works only with the runtime `process`. */
export async function examineTmux(machine: Machine, runtime: 'tmux' | 'process'): Promise<Finding[]> {
  const { found, ok } = await lacking(machine, { name: 'tmux', flag: '-V', least: [3, 2] })
  if (ok) return [{ name: 'tmux', state: 'ok', found }]
  const fix = `${install(machine, 'tmux')} (or set runtime: process)`
  return [{ name: 'tmux', state: runtime === 'tmux' ? 'fail' : 'warn', found, fix }]
}

export async function examineAgents(machine: Machine, agents: AgentProgram[]): Promise<Finding[]> {
  const { exec, environment } = machine
  const detected = await Promise.all(agents.map(({ name }) => detectProgram(exec, environment.env, name)))
  const none = detected.every((it) => it === undefined)
  return agents.map(({ name, install: fix }, index): Finding => {
    const it = detected[index]
    if (it) return { name, state: 'ok', found: `version ${it.version}, ${it.program}` }
    const first = none && index === 0
    return {
      name,
      state: first ? 'warn' : 'ok',
      found: first
        ? 'not installed, nor any other agent program; --agent command runs any program'
        : 'not installed',
      fix,
    }
  })
}

/** Asks for the token, which is on this machine, and not GitHub. */
export async function examineGh(machine: Machine): Promise<Finding[]> {
  const name = 'gh'
  const it = await detectProgram(machine.exec, machine.environment.env, name)
  if (!it) return [optional(name, 'for pull requests on GitHub', install(machine, 'gh'))]
  const found = `version ${it.version}, ${it.program}`
  const token = await run(machine, [it.program, 'auth', 'token'])
  if (token?.code === 0) return [{ name, state: 'ok', found: `${found}, logged in` }]
  return [{ name, state: 'warn', found: `${found}, not logged in`, fix: CATALOGUE.E_FORGE_LOGIN.fix }]
}

export async function examineRedis(machine: Machine): Promise<Finding[]> {
  const name = 'redis'
  const it = await detectProgram(machine.exec, machine.environment.env, 'redis-server')
  if (it) return [{ name, state: 'ok', found: `version ${it.version}, ${it.program}` }]
  return [optional(name, 'only many machines together need it', install(machine, 'redis'))]
}

export async function examineSandbox(machine: Machine): Promise<Finding[]> {
  const name = 'sandbox'
  if (machine.platform !== 'linux') return [{ name, state: 'ok', found: 'not looked for on this system' }]
  const it = await detectProgram(machine.exec, machine.environment.env, 'bwrap')
  if (!it) return [optional(name, 'bubblewrap', install(machine, 'bubblewrap'))]
  const found = `bubblewrap ${it.version}, ${it.program}`
  const tried = await run(machine, [it.program, '--ro-bind', '/', '/', 'true'])
  if (tried?.code === 0) return [{ name, state: 'ok', found }]
  return [
    {
      name,
      state: 'warn',
      found: `${found}: it cannot make a namespace here`,
      fix: 'Allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1',
    },
  ]
}

const optional = (name: string, what: string, fix: string): Finding => ({
  name,
  state: 'ok',
  found: `not installed; optional (${what})`,
  fix,
})
