import type { Parts } from '../parts.ts'
import { resolve } from '../resolve.ts'

/** The mailbox that a person means: tasks also by the beginning of their id. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS */
export async function mailboxMeant(parts: Parts, name: string): Promise<string> {
  if (RESERVED.has(name) || (await parts.store.mailboxes.find(name))) return name
  return (await resolve(parts, name)).id
}

const RESERVED = new Set(['person', 'orch'])
