import type { Mailboxes } from '../store.ts'
import { absent } from './absent.ts'
import type { Closing, RedisTools } from './tools.ts'

export const createMailboxes = (_tools: RedisTools): Mailboxes & Closing => absent('mailboxes')
