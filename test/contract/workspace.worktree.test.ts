import { makeWorktrees } from '../support/worktrees.ts'
import { workspaceContract } from './workspace.ts'
import { workspaceHistoryContract } from './workspace-history.ts'

workspaceContract('worktree', (state) => makeWorktrees(state))
workspaceHistoryContract('worktree', (state) => makeWorktrees(state))
