import { OrchError } from '../errors.ts'
import type { Argv } from '../exec.ts'
import type { LaunchSpec } from './runtime.ts'

/** spec.sh: what the shim is to run, as data that `sh` reads. Nothing in it is ever expanded. */

/** Linux takes no longer argument or variable (MAX_ARG_STRLEN), its closing zero byte included. */
const MAX_ELEMENT = 128 * 1024
/** macOS takes 1 MiB in all (ARG_MAX), counting the pointers too. */
const MAX_ALL = 900 * 1024

/** The variable that marks every process of an agent. */
export const MARK = 'ORCH_AGENT'

/** One word of shell that stands for exactly this text. The text must not hold NUL. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * @throws OrchError E_INVALID for what no program can be given (NUL bytes, variable names that are none, a relative
 * directory), E_TOO_LARGE for arguments that no system takes.
 */
export function specScript(spec: LaunchSpec, turn = 1): string {
  const variables = Object.entries({ ...spec.env, [MARK]: spec.agent }).map(([name, value]) => {
    if (!/^[A-Za-z_][^=]*$/.test(name))
      throw new OrchError('E_INVALID', `${JSON.stringify(name)} cannot name a variable`)
    return `${name}=${value}`
  })
  if (!spec.cwd.startsWith('/'))
    throw new OrchError('E_INVALID', `the working directory ${spec.cwd} is not absolute`)
  check([spec.cwd], [])
  for (const argv of [spec.argv, ...spec.setup]) checkCommand(argv, variables)
  const given = variables.map(quote)
  // What the terminal is, is known only inside of it.
  if (spec.stdin === 'terminal') given.push('"TERM=$TERM"')
  return [
    `turn=${turn}`,
    `words=${spec.words ?? 0}`,
    `stdin=${spec.stdin}`,
    `cwd=${quote(spec.cwd)}`,
    `stderr=${spec.stderr === 'merge' ? 'out.jsonl' : 'err.log'}`,
    `steps=${spec.setup.length}`,
    `in_environment() { exec env $signals -i ${given.join(' ')} "$@"; }`,
    ...spec.setup.map((argv, step) => command(`step_${step}`, argv)),
    command('agent', spec.argv),
    '',
  ].join('\n')
}

/** What spec.sh tells in its first lines. */
export interface Head {
  turn: number
  words: number
  stdin: string
}

/** How many bytes of spec.sh hold them. */
export const HEAD_BYTES = 256

/** Reads what `specScript` wrote. */
export function parseHead(text: string): Head {
  const [, turn, words, stdin = ''] = /^turn=(\d+)\nwords=(\d+)\nstdin=(\w+)\n/.exec(text) ?? []
  // Written by a daemon that knew no turns; its agents are still to be found.
  return { turn: Number(turn ?? 1), words: Number(words ?? 0), stdin }
}

const command = (name: string, argv: Argv) =>
  `${name}() { in_environment "$@" ${argv.map(quote).join(' ')}; }`

function checkCommand(argv: Argv, variables: string[]): void {
  if (!argv[0] || argv[0].startsWith('-'))
    throw new OrchError('E_INVALID', `${JSON.stringify(argv[0] ?? '')} cannot name a program`)
  check(argv, variables)
}

function check(argv: readonly string[], variables: string[]): void {
  let all = 0
  for (const element of [...argv, ...variables]) {
    if (element.includes('\0'))
      throw new OrchError('E_INVALID', 'arguments and variables cannot hold NUL bytes')
    const bytes = Buffer.byteLength(element) + 1
    if (bytes > MAX_ELEMENT) throw tooLarge(bytes - 1, MAX_ELEMENT - 1, 'one argument or variable')
    all += bytes + 8
  }
  if (all > MAX_ALL) throw tooLarge(all, MAX_ALL, 'all arguments and variables together')
}

const tooLarge = (bytes: number, limit: number, what: string) =>
  new OrchError('E_TOO_LARGE', `${what}: ${bytes} bytes, and a program can be given ${limit}`, {
    fix: 'Give the program long text in a file or on its standard input.',
  })
