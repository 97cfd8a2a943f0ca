import { makeWorktrees } from '../support/worktrees.ts'
import { workspaceContract } from './workspace.ts'

workspaceContract('worktree', (state) => makeWorktrees(state))
