import type { AgentTool } from './agent-tools.ts'
import { answer } from './answer.ts'
import { completeTask } from './complete-task.ts'
import { delegate } from './delegate.ts'
import { getTask } from './get-task.ts'
import { handoff } from './handoff.ts'
import { listAgents } from './list-agents.ts'
import { readInbox } from './read-inbox.ts'
import { reportProgress } from './report-progress.ts'
import { requestAssistance } from './request-assistance.ts'
import { requestValidation } from './request-validation.ts'
import { sendMessage } from './send-message.ts'
import { shareDiscovery } from './share-discovery.ts'
import { subscribe } from './subscribe.ts'
import { waitForTasks } from './wait-for-tasks.ts'

/** Every tool that agents get. A new one is a file beside this and a line here. */
export const AGENT_TOOLS: readonly AgentTool[] = [
  getTask,
  reportProgress,
  handoff,
  completeTask,
  delegate,
  waitForTasks,
  listAgents,
  sendMessage,
  readInbox,
  requestAssistance,
  requestValidation,
  answer,
  shareDiscovery,
  subscribe,
]
