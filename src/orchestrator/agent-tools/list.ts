import type { AgentTool } from './agent-tools.ts'
import { completeTask } from './complete-task.ts'
import { getTask } from './get-task.ts'
import { handoff } from './handoff.ts'
import { reportProgress } from './report-progress.ts'

/** Every tool that agents get. A new one is a file beside this and a line here. */
export const AGENT_TOOLS: readonly AgentTool[] = [getTask, reportProgress, handoff, completeTask]
