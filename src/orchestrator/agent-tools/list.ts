import type { AgentTool } from './agent-tools.ts'
import { completeTask } from './complete-task.ts'
import { delegate } from './delegate.ts'
import { getTask } from './get-task.ts'
import { handoff } from './handoff.ts'
import { reportProgress } from './report-progress.ts'
import { waitForTasks } from './wait-for-tasks.ts'

/** Every tool that agents get. A new one is a file beside this and a line here. */
export const AGENT_TOOLS: readonly AgentTool[] = [
  getTask,
  reportProgress,
  handoff,
  completeTask,
  delegate,
  waitForTasks,
]
