import type { Exchange } from '../store.ts'
import { absent } from './absent.ts'
import type { Closing, RedisTools } from './tools.ts'

export const createExchange = (_tools: RedisTools): Exchange & Closing => absent('exchange')
