import type { HostRegistry } from '../store.ts'
import { absent } from './absent.ts'
import type { RedisTools } from './tools.ts'

export const createHostRegistry = (_tools: RedisTools): HostRegistry => absent('hosts')
