import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import type { Env } from '../../src/exec.ts'
import { createIds, systemRandom } from '../../src/id.ts'
import { silentLog } from '../../src/log.ts'
import { createRepositoryLock } from '../../src/workspace/repository-lock.ts'
import type { Workspaces } from '../../src/workspace/workspace.ts'
import { createWorktrees } from '../../src/workspace/worktree.ts'
import { sampleEnv, sampleGit } from './repository.ts'

/** Worktrees below `<state>/worktrees`, as the daemon makes them. `env` is the person's. */
export function makeWorktrees(state: string, env: Env = {}): Workspaces {
  return createWorktrees({
    git: sampleGit(state, { ...sampleEnv, ...env }),
    env,
    root: join(state, 'worktrees'),
    trash: join(state, 'trash'),
    clock: systemClock,
    ids: createIds(systemRandom),
    log: silentLog,
    lock: createRepositoryLock({ clock: systemClock }),
  })
}
