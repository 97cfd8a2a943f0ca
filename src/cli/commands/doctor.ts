import type { Command } from 'commander'
import type { Finding } from '../../daemon/doctor/doctor.ts'
import type { OrchError } from '../../errors.ts'
import { exec } from '../../exec.ts'
import { plainText } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import type { Colour } from '../style.ts'

export function define(command: Command, cli: Cli): void {
  examples(command, ['orch doctor', 'orch doctor --json'])
  command.addHelpText(
    'after',
    '\nExit codes: 0 everything that is needed is there, 4 something must be mended.',
  )
  command.action(async () => {
    const { examine } = await import('../../daemon/doctor/doctor.ts')
    const { environment, platform } = cli.world
    const findings = await examine({ exec, environment, platform, daemon: () => askDaemon(cli) })
    const healthy = findings.every(({ state }) => state !== 'fail')
    cli.answer('doctor', { healthy, findings }, () => describe(findings, cli))
    if (!healthy) cli.exit(4)
  })
}

/** The daemon that runs, if one does. A doctor changes nothing: none is started. */
async function askDaemon(cli: Cli) {
  const client = await cli.connect({ autostart: false }).catch((error: OrchError) => {
    if (error.code === 'E_DAEMON' && !error.cause) return undefined
    throw error
  })
  if (!client) return undefined
  const { version, pid } = await client.call('health', {}, { timeoutMs: 5_000 })
  const warnings = async () => {
    const { store } = await client.call('status', { query: {} }, { timeoutMs: 10_000 })
    const down = store.reach?.state === 'down' ? store.reach.reason : undefined
    return [store.fallback, down].filter((it) => it !== undefined)
  }
  return { version, pid, warnings, faults: async () => (await client.call('checkStore')).faults }
}

const MARKS: Record<Finding['state'], [string, Colour]> = {
  ok: ['✓', 'green'],
  warn: ['!', 'yellow'],
  fail: ['✗', 'red'],
}

function describe(findings: Finding[], { paint }: Cli): string {
  const width = Math.max(...findings.map(({ name }) => name.length))
  const indent = ' '.repeat(width + 4)
  const text = findings.map(({ name, state, found, fix }) => {
    // what is not there and not needed deserves no tick
    const [mark, colour]: [string, Colour] = state === 'ok' && fix ? ['–', 'dim'] : MARKS[state]
    const mend = fix ? `${indent}${paint('dim', `→ ${plainText(fix)}`)}\n` : ''
    return `${paint(colour, mark)} ${name.padEnd(width)}  ${plainText(found).replaceAll('\n', `\n${indent}`)}\n${mend}`
  })
  const failed = findings.filter(({ state }) => state === 'fail').length
  return `${text.join('')}\n${failed > 0 ? `${failed} to mend\n` : 'everything that is needed is there\n'}`
}
