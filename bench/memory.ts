import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOrch, until } from '../test/support/orch.ts'
import { makeRepository } from '../test/support/repository.ts'

/**
 * Memory of Orch itself with N agents at work: the daemon, the shims (with their `tail`) and tmux, as PSS (each shared
 * page counted once in all), beside the RSS of the daemon. The agents' own memory is not ours. Linux only.
 *
 *   node bench/memory.ts [--agents N] [--json]
 */
const at = process.argv.indexOf('--agents')
const AGENTS = at < 0 ? 20 : Number(process.argv[at + 1])

const kilobytes = (pid: number, field: string) => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(text.match(new RegExp(`^${field}:\\s+(\\d+)`, 'm'))?.[1] ?? 0)
}
const MB = (kb: number) => Number((kb / 1024).toFixed(1))
const command = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
const parentOf = (pid: number) =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[1],
  )

/** All descendants of `pid`, itself included. */
function tree(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      parents.set(Number(name), parentOf(Number(name)))
    } catch {} // ended while we looked
  }
  const below = (top: number): number[] => [
    top,
    ...[...parents].filter(([, parent]) => parent === top).flatMap(([child]) => below(child)),
  ]
  return below(pid)
}

process.env.ORCH_TEST_DIST = '1'
const parent = mkdtempSync(join(tmpdir(), 'orch-bench-'))
const repository = await makeRepository({ directory: parent })
const orch = await startOrch(
  { ORCH_MAX_AGENTS: String(AGENTS), ORCH_TOTAL_AGENTS: String(AGENTS) },
  join(parent, 'o'),
)
try {
  const task = { driver: 'command', argv: ['sleep', '600'], description: 'Sleep' }
  await orch.submit(repository.path, Array(AGENTS).fill(task))
  await until(
    'all agents run',
    async () => (await orch.client.call('status', { query: {} })).counts.working === AGENTS,
    120_000,
  )
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  const daemon = await orch.pid()
  const server = Number(
    execFileSync('tmux', ['-S', orch.paths.tmuxSocket, 'display-message', '-p', '#{pid}'], {
      encoding: 'utf8',
    }),
  )
  const shims = tree(server).filter((pid) => pid !== server && !command(pid).startsWith('sleep 600'))
  const figures = {
    bench: 'memory',
    agents: AGENTS,
    daemonRssMB: MB(kilobytes(daemon, 'Rss')),
    daemonPssMB: MB(kilobytes(daemon, 'Pss')),
    shimsPssMB: MB(shims.reduce((sum, pid) => sum + kilobytes(pid, 'Pss'), 0)),
    tmuxPssMB: MB(kilobytes(server, 'Pss')),
    daemonAndShimsMB: 0,
  }
  figures.daemonAndShimsMB = Number((figures.daemonRssMB + figures.shimsPssMB).toFixed(1))
  if (process.argv.includes('--json')) console.log(JSON.stringify(figures))
  else console.table([figures])
} finally {
  await orch.close()
  rmSync(parent, { recursive: true, force: true })
}
