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
  ['store/'],
  ['agent/'],
  ['runtime/'],
  ['workspace/'],
  ['forge/'],
  ['config/'],
  ['plan/', 'task/', 'message/', 'handoff/', 'journal/'],
  ['errors.ts', 'id.ts', 'clock.ts', 'log.ts', 'text.ts', 'exec.ts', 'git.ts'],
]
const PURE = ['plan/', 'task/', 'message/', 'handoff/', 'journal/']
const PORTS = ['store', 'runtime', 'workspace', 'forge', 'agent']
const BANNED_FOLDERS = /(^|\/)(utils?|helpers?|common|types|misc|shared)\//
const MAX_LINES = 300

/** What a port's folder holds for all its adapters and for others; every other file there belongs to an adapter. */
const PORT_FILES = [
  'store/store.ts',
  'agent/agent.ts',
  'agent/detect.ts',
  'runtime/runtime.ts',
  'runtime/attempt-dir.ts',
  'workspace/workspace.ts',
  'forge/forge.ts',
]
const CLI_MAY_IMPORT = ['cli/', 'api/', 'config/', ...(LAYERS.at(-1) ?? [])]

/** [from, to, why]: each hole in a wall, by name. */
export const EXCEPTIONS: [from: string, to: string, why: string][] = [
  ['store/', 'forge/local/records.ts', 'the local forge keeps its pull requests in the store'],
  ['cli/', 'daemon/doctor.ts', 'doctor must work when no daemon can be started'],
  ['cli/', 'daemon/service.ts', 'installing the service is done before there is a daemon'],
]

interface Import {
  target: string
  line: number
}

/** @param files source text by path below src. @returns one line a violation, `path:line: what`. */
export function findViolations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = []
  for (const [path, text] of files) {
    if (BANNED_FOLDERS.test(path)) found.push(`${path}: no folder of this name; say what it holds`)
    const lines = text.split('\n').length - 1
    if (lines > MAX_LINES) found.push(`${path}: ${lines} lines, at most ${MAX_LINES}`)
    if (!path.endsWith('.test.ts')) found.push(...inFile(path, text))
  }
  return found
}

function inFile(path: string, text: string): string[] {
  const code = withoutComments(text)
  const found = forbiddenText(path, code)
  for (const { target, line } of imports(code)) {
    const why = target.startsWith('.')
      ? forbiddenImport(path, normalize(join(dirname(path), target)))
      : forbiddenPackage(path, target)
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
  if (isAdapter(to) && !from.startsWith('daemon/') && adapter(from) !== adapter(to))
    return `adapters are named only in daemon/ and tests, not ${to}`
  return undefined
}

function forbiddenPackage(path: string, name: string): string | undefined {
  const bare = name.replace(/^node:/, '')
  if (['child_process', 'cluster'].includes(bare) && path !== 'exec.ts')
    return 'only exec.ts starts processes'
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

const isAdapter = (path: string): boolean =>
  PORTS.includes(path.split('/')[0] ?? '') && !PORT_FILES.includes(path)

/** An adapter is a folder in the folder of its port, or the files that lie flat there. */
const adapter = (path: string): string => dirname(path).split('/').slice(0, 2).join('/')

/** Static, type-only, re-exporting and dynamic imports alike. */
function imports(code: string): Import[] {
  const pattern = /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g
  return [...code.matchAll(pattern)].map((match) => ({
    target: match[2] ?? '',
    line: lineAt(code, match.index),
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
