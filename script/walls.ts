import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** The walls of docs/architecture.md as a check that fails the build: `node script/walls.ts`. */

/** From the top down. An import goes to the same folder, to the same row or further down. */
const LAYERS: string[][] = [
  ['index.ts'],
  ['cli/'],
  ['daemon/'],
  ['mcp/', 'a2a/'],
  ['api/'],
  ['orchestrator/'],
  ['planner/'],
  ['monitor/', 'recovery/', 'learning/', 'report/'],
  ['carry/'],
  ['store/'],
  ['agent/'],
  ['mcp-servers/'],
  ['runtime/'],
  ['workspace/'],
  ['forge/'],
  ['config/'],
  ['profile/'],
  ['plan/', 'task/', 'message/', 'handoff/', 'journal/'],
  [
    'errors.ts',
    'id.ts',
    'clock.ts',
    'breaker.ts',
    'breakers.ts',
    'log.ts',
    'text.ts',
    'turns.ts',
    'exec.ts',
    'git.ts',
    'git-repository-id.ts',
    'git-config-env.ts',
  ],
]
const PURE = ['plan/', 'task/', 'message/', 'handoff/', 'journal/']
const PORTS = ['store', 'runtime', 'workspace', 'forge', 'agent']
const BANNED_FOLDERS = /(^|\/)(utils?|helpers?|common|types|misc|shared)\//
const MAX_LINES = 300
const MAX_TEST_LINES = 500

/** What the rest of the house sees of a port. Everything else in its folder is an adapter's. */
const PORT_FILES = [
  'store/store.ts',
  'agent/agent.ts',
  'agent/detect.ts',
  'mcp-servers/mcp-servers.ts',
  'profile/profile.ts',
  'runtime/runtime.ts',
  'runtime/meter.ts',
  'runtime/attempt-dir.ts',
  'workspace/workspace.ts',
  'forge/forge.ts',
]
/** Folders in a port's folder that are no adapter but serve its adapters, as the files beside the port do. */
const SHARED_FOLDERS = ['agent/hooks/', 'runtime/processes/', 'runtime/limits/']
/** Adapters that are one file: no other adapter may lean on them. */
const ADAPTER_FILES = ['agent/command.ts', 'workspace/worktree.ts']
const CLI_MAY_IMPORT = ['cli/', 'api/', 'config/', ...(LAYERS.at(-1) ?? [])]

/** [from, to, why]: each hole in a wall, by name. */
export const EXCEPTIONS: [from: string, to: string, why: string][] = [
  ['store/', 'forge/local/records.ts', 'the local forge keeps its pull requests in the store'],
  ['cli/', 'daemon/doctor/doctor.ts', 'doctor must work when no daemon can be started'],
  ['cli/', 'mcp/bridge.ts', 'agents start the bridge themselves; its other end is the API'],
  ['cli/', 'daemon/service.ts', 'installing the service is done before there is a daemon'],
  ['cli/', 'daemon/store/restore.ts', 'a store is restored while there is no daemon'],
  ['cli/', 'daemon/store/migrate/migrate.ts', 'a store is moved while there is no daemon'],
  [
    'cli/',
    'orchestrator/attempt/agent-env.ts',
    "what agents get of the caller's environment is chosen where it is",
  ],
]

interface Import {
  target: string
  line: number
  typeOnly: boolean
}

/** @param files source text by path below src. @returns one line a violation, `path:line: what`. */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    if (BANNED_FOLDERS.test(path)) found.push(`${path}: no folder of this name; say what it holds`)
    const lines = text.split('\n').length - 1
    const isTest = path.endsWith('.test.ts')
    const most = isTest ? MAX_TEST_LINES : MAX_LINES
    if (lines > most) found.push(`${path}: ${lines} lines, at most ${most}`)
    if (!isTest) found.push(...inFile(path, text))
  }
  return found
}

function inFile(path: string, text: string): string[] {
  const code = withoutComments(text)
  const found = forbiddenText(path, code)
  for (const { target, line, typeOnly } of imports(code)) {
    const why = target.startsWith('.')
      ? forbiddenImport(path, normalize(join(dirname(path), target)))
      : forbiddenPackage(path, target, typeOnly)
    if (why) found.push(`${path}:${line}: ${why}`)
  }
  return found
}

function forbiddenImport(from: string, to: string): string | undefined {
  if (EXCEPTIONS.some(([f, t]) => from.startsWith(f) && to === t)) return
  if (layer(from) === -1) return `${from} has no place in the list of layers of script/walls.ts`
  if (layer(to) === -1) return `${to} is outside src or has no place in the list of layers`
  if (layer(to) < layer(from)) return `arrow up to ${to}`
  if (from.startsWith('cli/') && !startsWithAny(to, CLI_MAY_IMPORT))
    return `cli/ reaches state only through api/, not ${to}`
  if (namesAdapter(from, to)) return `adapters are named only in daemon/ and tests, not ${to}`
  return undefined
}

function forbiddenPackage(path: string, name: string, typeOnly: boolean): string | undefined {
  const bare = name.replace(/^node:/, '')
  const starts = ['child_process', 'cluster'].includes(bare) && !typeOnly
  if (starts && path !== 'exec.ts') return 'only exec.ts starts processes'
  if (bare === 'process') return 'process comes as a global; its environment only to config/load.ts'
  if (name.startsWith('node:') && startsWithAny(path, PURE)) return `pure folders import no ${name}`
  return undefined
}

function forbiddenText(path: string, code: string): string[] {
  const rules: [RegExp, boolean, string][] = [
    [
      /\bprocess\s*(?:\??\.\s*env\b|\[)/g,
      path !== 'config/load.ts',
      'only config/load.ts reads the environment',
    ],
    [/\bhomedir\b/g, path !== 'config/load.ts', 'only config/load.ts reads the home directory'],
    [
      /\bcreateRequire\b|\brequire\(|\bimport\(\s*[^'"\s]/g,
      true,
      'imports are written out, so that they can be checked',
    ],
    [
      /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b/g,
      startsWithAny(path, PURE),
      'pure folders have no clock and no chance',
    ],
  ]
  return rules
    .filter(([, applies]) => applies)
    .flatMap(([pattern, , why]) =>
      [...code.matchAll(pattern)].map((match) => `${path}:${lineAt(code, match.index)}: ${why}`),
    )
}

/** Adapters may use their own files, and what lies shared in the folder of their port. */
function namesAdapter(from: string, to: string): boolean {
  const [port = ''] = to.split('/')
  if (!PORTS.includes(port) || PORT_FILES.includes(to) || from.startsWith('daemon/')) return false
  if (!from.startsWith(`${port}/`)) return true
  const flat = dirname(to) === port && !ADAPTER_FILES.includes(to)
  return !flat && !startsWithAny(to, SHARED_FOLDERS) && adapter(from) !== adapter(to)
}

/** An adapter is a folder in the folder of its port, or one file there. */
const adapter = (path: string): string => path.split('/').slice(0, 2).join('/')

/** Static, type-only, re-exporting and dynamic imports alike. */
function imports(code: string): Import[] {
  const pattern = /\b(?:import\s+type\b[^'"]*?from|from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g
  return [...code.matchAll(pattern)].map((match) => ({
    target: match[2] ?? '',
    line: lineAt(code, match.index),
    typeOnly: /^import\s+type\b/.test(match[0]),
  }))
}

/** Comments may quote anything. Lines stay where they are. */
function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ')
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, blank).replace(/(^|\s)\/\/.*$/gm, blank)
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length
const layer = (path: string): number => LAYERS.findIndex((row) => startsWithAny(path, row))
const startsWithAny = (path: string, prefixes: string[]): boolean => prefixes.some((p) => path.startsWith(p))

function readSources(root: string): Map<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  return new Map(names.sort().map((name) => [name, readFileSync(join(root, name), 'utf8')]))
}

if (import.meta.main) {
  const violations = findViolations(readSources(join(import.meta.dirname, '..', 'src')))
  for (const violation of violations) console.error(`src/${violation}`)
  process.exitCode = violations.length > 0 ? 1 : 0
}
