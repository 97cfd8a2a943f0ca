import { copyFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Env } from '../../exec.ts'
import type { LaunchOrder } from '../agent.ts'

/** What the person wrote for the program, taken over by link; the program does not write there. */
const LINKED = [
  'CLAUDE.md',
  'agents',
  'commands',
  'skills',
  'rules',
  'output-styles',
  'plugins',
  'keybindings.json',
]

/**
 * A private copy of the person's settings in which every dialog of the terminal interface has its answer: the first
 * start, the trust in the repository, the API key of the environment. Sessions are kept there. The person's own files are
 * only read; their login stays where it is, so that a token which is renewed stays theirs.
 * @returns the variables that point at it
 */
export async function makeHome(order: LaunchOrder): Promise<Env> {
  const { home, env } = order
  const own = join(home, 'claude')
  const person = env.CLAUDE_CONFIG_DIR ?? join(env.HOME ?? '/', '.claude')
  await mkdir(own, { recursive: true, mode: 0o700 })
  for (const name of LINKED) await unlessThere(symlink(join(person, name), join(own, name)))
  await copyFile(join(person, 'settings.json'), join(own, 'settings.json')).catch(() => {})
  const state = join(own, '.claude.json')
  const persons = env.CLAUDE_CONFIG_DIR ? join(person, '.claude.json') : join(env.HOME ?? '/', '.claude.json')
  const text = JSON.stringify(answered((await read(state)) ?? (await read(persons)) ?? {}, order), null, 2)
  await writeFile(`${state}.new`, text, { mode: 0o600 })
  await rename(`${state}.new`, state)
  return {
    CLAUDE_CONFIG_DIR: own,
    CLAUDE_SECURESTORAGE_CONFIG_DIR: env.CLAUDE_SECURESTORAGE_CONFIG_DIR ?? env.CLAUDE_CONFIG_DIR ?? '',
  }
}

type State = Record<string, unknown>

const part = (value: unknown): State =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as State) : {}
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** It knows a key by its end. */
const KEY_END = 20

function answered(state: State, { task, workspace, env }: LaunchOrder): State {
  const projects = part(state.projects)
  const trusted = (path: string) => [
    path,
    { hasClaudeMdExternalIncludesWarningShown: true, ...part(projects[path]), hasTrustDialogAccepted: true },
  ]
  return {
    ...state,
    hasCompletedOnboarding: true,
    projects: { ...projects, ...Object.fromEntries([task.repo, workspace].map(trusted)) },
    ...(env.ANTHROPIC_API_KEY && {
      customApiKeyResponses: approved(part(state.customApiKeyResponses), env.ANTHROPIC_API_KEY),
    }),
  }
}

function approved(responses: State, key: string): State {
  const end = key.slice(-KEY_END)
  const others = (value: unknown) => list(value).filter((it) => it !== end)
  return {
    ...responses,
    approved: [...others(responses.approved), end],
    rejected: others(responses.rejected),
  }
}

/** Undefined when there is none, or it is broken: then it begins anew. */
async function read(file: string): Promise<State | undefined> {
  try {
    return part(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

async function unlessThere(made: Promise<void>): Promise<void> {
  await made.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}
