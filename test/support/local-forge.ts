import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import { exec } from '../../src/exec.ts'
import { createBare } from '../../src/forge/bare.ts'
import { createCheckRunner } from '../../src/forge/local/check-runner.ts'
import { createLocalForge } from '../../src/forge/local/local.ts'
import type { PullRequestRecords } from '../../src/forge/local/records.ts'
import type { Git } from '../../src/git.ts'
import { silentLog } from '../../src/log.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { ForgeHarness } from '../contract/forge.ts'
import { makeRepository, type SampleOptions, type SampleRepository, sampleGit } from './repository.ts'
import { temporaryDirectory } from './temporary.ts'

export interface LocalForgeSample extends ForgeHarness {
  sample: SampleRepository
  records: PullRequestRecords
  runChecks: ReturnType<typeof createCheckRunner>['run']
  /** Directory of the bare repository. */
  home: string
  /** The same forge with other parts: what a new daemon, or one that is about to die, would have. */
  forgeWith(parts: { git?: Git; records?: PullRequestRecords }): ForgeHarness['forge']
}

const now = () => 1_700_000_000_000
const clock: Clock = { now, sleep: async () => {}, every: () => () => {} }

/** A sample repository and the local forge over real git and the real store. */
export async function localForge(options: SampleOptions = {}): Promise<LocalForgeSample> {
  const sample = await makeRepository(options)
  const state = temporaryDirectory('orch-forge')
  const root = join(state, 'forge')
  const store = await openSqliteStore({ file: join(state, 'orch.db') })
  onTestFinished(() => store.close())
  const forgeWith = ({ git = sampleGit('/'), records = store.pulls }) =>
    createLocalForge({ bare: createBare({ git, root }), git, records, clock, log: silentLog })
  const bare = createBare({ git: sampleGit('/'), root })
  const own = await bare.open(sample.path)
  return {
    sample,
    repo: sample.path,
    git: sample.git,
    remote: own.git,
    home: join(own.path, '..'),
    records: store.pulls,
    forge: forgeWith({}),
    forgeWith,
    runChecks: createCheckRunner({ bare, exec, records: store.pulls, clock }).run,
    async branch(name, { file = `${name}.txt`, content = `${name}\n`, from = 'main' } = {}) {
      await sample.git(['checkout', '--quiet', '-B', name, from])
      const commit = await sample.commit({ [file]: content }, `Work on ${name}`)
      await sample.git(['checkout', '--quiet', 'main'])
      return commit
    },
    async check({ number, headCommit }, check) {
      const whole = { name: 'check', required: true, commit: headCommit, ...check }
      await store.pulls.checked(sample.path, number, whole, now())
    },
  }
}
