import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * How long a person waits for `orch status` and `orch --help`: the compiled program through its launcher, beside bare
 * node and `sh` in turn in the same run. p50 and p90 of the rounds. Needs a build (`npm run build`).
 *
 *   node bench/cli.ts [--rounds N] [--json]
 */
const at = process.argv.indexOf('--rounds')
const ROUNDS = at < 0 ? 21 : Number(process.argv[at + 1])

const root = join(import.meta.dirname, '..')
const ORCH = join(root, 'bin', 'orch')
const SUBJECTS: Record<string, string[]> = {
  'sh -c :': ['sh', '-c', ':'],
  'node -e 0': [process.execPath, '-e', '0'],
  'orch --version': [ORCH, '--version'],
  'orch --help': [ORCH, '--help'],
  'orch status': [ORCH, 'status'],
  'orch status --json': [ORCH, 'status', '--json'],
  './orch status (a clone)': [join(root, 'orch'), 'status'],
}

/** Milliseconds from the start of the process until it ended and its output was read. */
function once([program = '', ...args]: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.resume()
    child.stderr.resume()
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(performance.now() - begun)
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}`))
    })
  })
}

const share = (figures: number[], part: number) => {
  const sorted = figures.toSorted((a, b) => a - b)
  return Number((sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1))
}

const parent = mkdtempSync(join(tmpdir(), 'orch-bench-'))
process.env.ORCH_TEST_DIST = '1'
const { startOrch } = await import('../test/support/orch.ts')
const orch = await startOrch({}, join(parent, 'o'))
try {
  const measured = Object.entries(SUBJECTS).map(([name, argv]) => ({ name, argv, took: [] as number[] }))
  const load = loadavg()[0]
  for (const { argv } of measured) await once(argv, orch.env) // compiled code into its cache
  for (let round = 0; round < ROUNDS; round++)
    for (const { argv, took } of measured) took.push(await once(argv, orch.env))
  const rows = measured.map(({ name, took }) => ({ name, p50: share(took, 0.5), p90: share(took, 0.9) }))
  const figures = { bench: 'cli', rounds: ROUNDS, load: Number(load?.toFixed(2)), rows }
  if (process.argv.includes('--json')) console.log(JSON.stringify(figures))
  else {
    console.log(`ms over ${ROUNDS} rounds, load ${figures.load}`)
    console.table(rows)
  }
} finally {
  await orch.close()
  rmSync(parent, { recursive: true, force: true })
}
