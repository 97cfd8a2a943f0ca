import type { TaskStore } from '../store.ts'
import { absent } from './absent.ts'
import type { RedisTools } from './tools.ts'

export const createTaskStore = (_tools: RedisTools): TaskStore => absent('tasks')
