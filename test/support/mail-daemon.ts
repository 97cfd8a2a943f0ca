import { onTestFinished } from 'vitest'
import { type Client, createClient } from '../../src/api/client.ts'
import type { Handlers } from '../../src/api/contract.ts'
import { deadLetterHandlers } from '../../src/daemon/handlers/dead-letter.ts'
import { mailboxHandlers } from '../../src/daemon/handlers/mailbox.ts'
import { messageHandlers } from '../../src/daemon/handlers/message.ts'
import { viewDetail } from '../../src/daemon/handlers/views.ts'
import type { Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import { resolve } from '../../src/orchestrator/resolve.ts'
import { fakeDaemon, orch } from './cli.ts'
import { type RealOptions, type RealParts, realParts } from './parts.ts'

export interface MailDaemon {
  parts: RealParts
  client: Client
  state: string
  /** Runs a command line before this daemon. */
  cli(...argv: string[]): ReturnType<typeof orch>
  close(): Promise<void>
}

/** The messages' part of a daemon: a real store and the real API on a socket, without agents. */
export async function mailDaemon(options: RealOptions = {}): Promise<MailDaemon> {
  const parts = await realParts(options)
  const now = () => parts.clock.now()
  const verbs: Pick<Orchestrator, 'retry' | 'cancel'> = {
    retry: (id) => parts.store.tasks.retry(id, now()),
    cancel: (id) => parts.store.tasks.cancel(id, now(), { code: 'cancelled', message: 'by a person' }),
  }
  const handlers = {
    ...messageHandlers(parts),
    ...mailboxHandlers(parts),
    ...deadLetterHandlers(parts, verbs),
    ...taskHandler(parts),
  }
  const daemon = await fakeDaemon(handlers, undefined, parts.store.journal)
  const client = createClient({ socketPath: daemon.paths.socket })
  onTestFinished(() => client.close())
  return {
    parts,
    client,
    state: daemon.state,
    cli: (...argv) => orch(argv, { state: daemon.state }),
    close: daemon.close,
  }
}

const taskHandler = (parts: RealParts): Pick<Handlers, 'task'> => ({
  async task({ params }) {
    const task = await resolve(parts, params.id)
    return viewDetail(task, await parts.store.tasks.attempts(task.id), {})
  },
})
