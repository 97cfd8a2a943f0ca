import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import type { Profile } from '../../profile/profile.ts'
import type { Driver, LaunchOrder } from '../agent.ts'
import { detectProgram } from '../detect.ts'
import { createPiReader } from './reader.ts'

/**
 * The driver `pi`: the pi coding agent as `pi --mode json` (checked against 0.74.2). A process is one turn; its prompt is
 * on standard input, so that it may hold anything. It knows no MCP: its agents use `orch agent …`.
 */
export function createPiDriver({ exec, env }: { exec: Exec; env: Env }): Driver {
  const detect = () => detectProgram(exec, env, 'pi')
  return {
    name: 'pi',
    conversation: 'turns',
    resumes: true,
    footprintMegabytes: 180,
    commitsLeftovers: false,
    detect,
    launch: async (order) => {
      const found = await detect()
      if (!found) throw new OrchError('E_NO_AGENT', 'pi is not installed')
      return { argv: await argvOf(found.program, order), env: QUIET, stdin: 'prompt', stderr: 'apart' }
    },
    reader: createPiReader,
    say: () => {
      throw new OrchError('E_CANNOT_HEAR', 'pi hears when its turn has ended')
    },
  }
}

const QUIET: Env = { PI_TELEMETRY: '0', PI_SKIP_VERSION_CHECK: '1' }
const THINKING = { strong: ['--thinking', 'high'], standard: [], fast: ['--thinking', 'low'] } as const

async function argvOf(program: string, { task, profile, home, session }: LaunchOrder): Promise<Argv> {
  const model = task.model ?? profile.model
  const sessions = join(home, 'pi-sessions')
  return [
    program,
    ...['--mode', 'json', '--session-dir', sessions],
    ...(session ? ['--session', await sessionFile(sessions, session)] : []),
    ...(model ? ['--model', model] : THINKING[profile.tier]),
    ...toolOptions(profile),
    ...(profile.prompt ? ['--append-system-prompt', profile.prompt] : []),
  ]
}

/** By its file: a bare id is looked for among the sessions of one directory, and asked about when it is another's. */
async function sessionFile(sessions: string, id: string): Promise<string> {
  const files = await readdir(sessions).catch(() => [])
  const file = files.find((name) => name.endsWith(`_${id}.jsonl`))
  return file ? join(sessions, file) : id
}

const LOOKING = ['read', 'grep', 'find', 'ls']

/** It asks for nothing: a tool is there or it is not, and a shell cannot be limited to some commands. */
function toolOptions({ permissions, tools }: Profile): string[] {
  if (permissions === 'all') return []
  if (permissions === 'read') return ['--tools', LOOKING.join(',')]
  const shell = tools.includes('Bash') ? ['bash'] : []
  return ['--tools', [...LOOKING, 'edit', 'write', ...shell].join(',')]
}
