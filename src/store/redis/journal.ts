import type { Journal } from '../store.ts'
import { absent } from './absent.ts'
import type { Closing, RedisTools } from './tools.ts'

export const createJournal = (_tools: RedisTools): Journal & Closing => absent('journal')
