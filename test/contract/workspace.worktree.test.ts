import { makeWorktrees } from '../support/worktrees.ts'
import { workspaceContract } from './workspace.ts'
import { workspaceHistoryContract } from './workspace-history.ts'
import { mergeContract } from './workspace-merge.ts'

workspaceContract('worktree', (state) => makeWorktrees(state))
mergeContract('worktree', (state) => makeWorktrees(state))
workspaceHistoryContract('worktree', (state) => makeWorktrees(state))
