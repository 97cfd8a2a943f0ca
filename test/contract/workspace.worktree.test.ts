import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { createIds, systemRandom } from '../../src/id.ts'
import { silentLog } from '../../src/log.ts'
import { createWorktrees } from '../../src/workspace/worktree.ts'
import { sampleGit } from '../support/repository.ts'
import { workspaceContract } from './workspace.ts'

workspaceContract('worktree', (state) =>
  createWorktrees({
    git: sampleGit(state),
    root: join(state, 'worktrees'),
    trash: join(state, 'trash'),
    clock: systemClock,
    ids: createIds(systemRandom),
    log: silentLog,
  }),
)
