import type { Upkeep } from '../store.ts'
import { absent } from './absent.ts'
import type { RedisTools } from './tools.ts'

export const createUpkeep = (_tools: RedisTools): Upkeep => absent('upkeep')
