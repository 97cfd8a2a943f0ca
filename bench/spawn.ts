import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exec } from '../src/exec.ts'
import { type Orch, startOrch } from '../test/support/orch.ts'
import { makeRepository, manyFiles, type SampleRepository, sampleEnv } from '../test/support/repository.ts'

/**
 * From the accepted request to the last agent's first byte in its worktree, 1, 5 and 20 at once, on 5,000 files, against
 * bare `git worktree add` + `tmux new-session` in the same run, in turn. Medians of the rounds and their ratio. Nothing is
 * deleted in between: just after a mass deletion ext4 makes every checkout several times slower, and hides the rest.
 *
 *   node bench/spawn.ts [--rounds N] [--files N] [--json]
 */
const option = (name: string, fallback: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(process.argv[at + 1])
}
const ROUNDS = option('rounds', 5)
const FILES = option('files', 5_000)
const AT_ONCE = option('only', 0) ? [option('only', 0)] : [1, 5, 20]

process.env.ORCH_TEST_DIST = '1'
const parent = mkdtempSync(join(tmpdir(), 'orch-bench-'))
const bytes = join(parent, 'bytes')
const gate = join(parent, 'gate')
/** What both sides run: it writes the time of its first byte, then waits at the gate, so that no end disturbs a start. */
const AGENT = [
  'sh',
  '-c',
  `date +%s%N >"${bytes}/$$" && mv "${bytes}/$$" "${bytes}/$$.done"; : <"${gate}"; exit 3`,
]

/** Lets all who wait at the gate go on. */
const openGate = () => execFileSync('sh', ['-c', `: >"${gate}"`])

const median = (figures: number[]) => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0

/** Waits for `count` first bytes, gives the latest in ms since the epoch. */
async function lastByte(count: number): Promise<number> {
  for (;;) {
    const done = (await readdir(bytes)).filter((name) => name.endsWith('.done'))
    if (done.length >= count)
      return Math.max(...done.map((name) => Number(readFileSync(join(bytes, name), 'utf8')) / 1e6))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function clear(): void {
  rmSync(bytes, { recursive: true, force: true })
  mkdirSync(bytes)
}

const now = () => performance.timeOrigin + performance.now()

async function orchRound(orch: Orch, repository: SampleRepository, count: number): Promise<number> {
  clear()
  const task = { driver: 'command', argv: AGENT, description: 'First byte', tries: 1 }
  const run = await orch.submit(repository.path, Array(count).fill(task))
  const accepted = now()
  const spent = (await lastByte(count)) - accepted
  openGate()
  await orch.finished(run.id, 120_000)
  return spent
}

async function bareRound(
  repository: SampleRepository,
  socket: string,
  count: number,
  round: string,
): Promise<number> {
  clear()
  const began = now()
  const names = Array.from({ length: count }, (_, index) => `bare-${round}-${index}`)
  await Promise.all(names.map((name) => bareOne(repository, socket, name)))
  const spent = (await lastByte(count)) - began
  openGate()
  return spent
}

/** Parallel `worktree add` fails now and then: a script would try again. */
async function bareOne(repository: SampleRepository, socket: string, name: string): Promise<void> {
  const path = join(parent, name)
  for (let again = 0; ; again++) {
    const args = again === 0 ? ['-b', name] : ['-B', name]
    const added = await exec(['git', 'worktree', 'add', '--quiet', ...args, path, 'main'], {
      cwd: repository.path,
      env: sampleEnv,
    })
    if (added.code === 0) break
    if (again > 5) throw new Error(added.stderr)
    rmSync(path, { recursive: true, force: true })
  }
  await exec(['tmux', '-S', socket, 'new-session', '-d', '-s', name, '-c', path, ...AGENT], {
    env: sampleEnv,
  })
}

execFileSync('mkfifo', [gate])
const repository = await makeRepository({ directory: parent, files: manyFiles(FILES) })
const orch = await startOrch({ ORCH_MAX_AGENTS: '20', ORCH_TOTAL_AGENTS: '20' }, join(parent, 'o'))
const socket = join(parent, 'bare.sock')
execFileSync('tmux', ['-S', socket, 'new-session', '-d', '-s', 'keeper', 'sleep', '10000'])
try {
  const rows: { atOnce: number; orchMs: number; bareMs: number; ratio: number }[] = []
  await orchRound(orch, repository, 1)
  for (const count of AT_ONCE) {
    const ours: number[] = []
    const bare: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await orchRound(orch, repository, count))
      bare.push(await bareRound(repository, socket, count, `${count}-${round}`))
    }
    rows.push({
      atOnce: count,
      orchMs: Math.round(median(ours)),
      bareMs: Math.round(median(bare)),
      ratio: Number((median(ours) / median(bare)).toFixed(2)),
    })
  }
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ bench: 'spawn', files: FILES, rounds: ROUNDS, rows }))
  else console.table(rows)
} finally {
  await orch.close()
  execFileSync('tmux', ['-S', socket, 'kill-server'])
  rmSync(parent, { recursive: true, force: true })
}
