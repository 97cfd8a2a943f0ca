import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { startOrch, until } from '../test/support/orch.ts'
import { makeRepository } from '../test/support/repository.ts'

/**
 * Memory of Orch itself with N agents at work: the daemon, the shims (with their `tail`) and tmux, as PSS (each shared
 * page counted once in all), beside the RSS of the daemon. The agents' own memory is not ours. And what one agent costs:
 * the memory beyond that of a daemon with none, and how often daemon and shims wake up while all agents are silent.
 * Linux only.
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

/** Memory that is Orch's, in MB: its private pages and its part of shared ones, without the mapped Node binary. */
const ownMB = (pid: number) => MB(kilobytes(pid, 'Pss') - kilobytes(pid, 'Pss_File'))

/** Times that its main thread, which runs the event loop, waited for something; processor time in ms of all its threads. */
function restlessness(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const waits = Number(status.match(/^voluntary_ctxt_switches:\s+(\d+)/m)?.[1] ?? 0)
  const [user = 0, system = 0] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return { waits, cpuMs: (user + system) * 10 }
}

/** A second's wake-ups and processor time of these processes together, seen over `ms`. */
async function restless(pids: number[], ms: number) {
  const sum = () =>
    pids.map(restlessness).reduce((a, b) => ({ waits: a.waits + b.waits, cpuMs: a.cpuMs + b.cpuMs }))
  const before = sum()
  await setTimeout(ms)
  const after = sum()
  const perSecond = (figure: number) => Number(((1_000 * figure) / ms).toFixed(1))
  return {
    wakeUps: perSecond(after.waits - before.waits),
    cpuPercent: perSecond((after.cpuMs - before.cpuMs) / 10),
  }
}

const SILENCE_MS = 10_000

process.env.ORCH_TEST_DIST ??= '1'
const parent = mkdtempSync(join(tmpdir(), 'orch-bench-'))
const repository = await makeRepository({ directory: parent })
const orch = await startOrch(
  { ORCH_MAX_AGENTS: String(AGENTS), ORCH_TOTAL_AGENTS: String(AGENTS) },
  join(parent, 'o'),
)
try {
  const daemon = await orch.pid()
  // One agent that comes and goes: what is loaded for the first is not the cost of each.
  const warm = await orch.submit(repository.path, [
    { driver: 'command', argv: ['true'], description: 'Warm up', tries: 1 },
  ])
  await orch.finished(warm.id, 60_000)
  await setTimeout(5_000)
  const idle = { ownMB: ownMB(daemon), ...(await restless([daemon], SILENCE_MS)) }
  const task = { driver: 'command', argv: ['sleep', '600'], description: 'Sleep' }
  await orch.submit(repository.path, Array(AGENTS).fill(task))
  await until(
    'all agents run',
    async () => (await orch.client.call('status', { query: {} })).counts.working === AGENTS,
    120_000,
  )
  await setTimeout(5_000)
  const server = Number(
    execFileSync('tmux', ['-S', orch.paths.tmuxSocket, 'display-message', '-p', '#{pid}'], {
      encoding: 'utf8',
    }),
  )
  const shims = tree(server).filter((pid) => pid !== server && !command(pid).startsWith('sleep 600'))
  const sum = (what: (pid: number) => number) => shims.reduce((total, pid) => total + what(pid), 0)
  const shimsPssMB = MB(sum((pid) => kilobytes(pid, 'Pss')))
  const daemonRssMB = MB(kilobytes(daemon, 'Rss'))
  const daemonOwnMB = ownMB(daemon)
  const atRest = await restless([daemon], SILENCE_MS)
  const shimsAtRest = await restless(shims, SILENCE_MS)
  const memory = {
    bench: 'memory',
    agents: AGENTS,
    daemonRssMB,
    daemonPssMB: MB(kilobytes(daemon, 'Pss')),
    shimsPssMB,
    tmuxPssMB: MB(kilobytes(server, 'Pss')),
    daemonAndShimsMB: Number((daemonRssMB + shimsPssMB).toFixed(1)),
  }
  const perAgent = {
    daemonMB: Number(((daemonOwnMB - idle.ownMB) / AGENTS).toFixed(2)),
    shimMB: Number((shimsPssMB / AGENTS).toFixed(2)),
    daemonWakeUpsPerSecond: Number(((atRest.wakeUps - idle.wakeUps) / AGENTS).toFixed(2)),
    shimWakeUpsPerSecond: Number((shimsAtRest.wakeUps / AGENTS).toFixed(2)),
  }
  const silent = {
    idleWakeUpsPerSecond: idle.wakeUps,
    wakeUpsPerSecond: atRest.wakeUps,
    idleCpuPercent: idle.cpuPercent,
    cpuPercent: atRest.cpuPercent,
    shimsCpuPercent: shimsAtRest.cpuPercent,
  }
  if (process.argv.includes('--json')) console.log(JSON.stringify({ ...memory, perAgent, silent }))
  else for (const figures of [memory, perAgent, silent]) console.table([figures])
} finally {
  await orch.close()
  rmSync(parent, { recursive: true, force: true })
}
