import type { PullRequestRecords } from '../../forge/local/records.ts'
import { absent } from './absent.ts'
import type { RedisTools } from './tools.ts'

export const createPullRequestRecords = (_tools: RedisTools): PullRequestRecords => absent('pulls')
