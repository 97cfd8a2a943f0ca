import type { Answer, Handlers } from '../../src/api/contract.ts'
import { packageVersion } from '../../src/api/version.ts'
import { OrchError } from '../../src/errors.ts'
import { NO_USAGE } from '../../src/task/task.ts'

/** Handlers of the API for tests of the API itself: each answers with something valid; the rest is given. */
export function handlersFor(given: Partial<Handlers> = {}): Handlers {
  const unknown = async () => {
    throw new OrchError('E_NOT_FOUND', 'nothing of that name')
  }
  return {
    health: async () => ({ ok: true, version: packageVersion(), pid: process.pid }),
    hosts: async () => ({ hosts: [] }),
    status: async () => status,
    submit: unknown,
    runs: async () => ({ runs: [] }),
    run: unknown,
    task: unknown,
    cancel: unknown,
    retry: unknown,
    say: async () => ({}),
    interrupt: async () => ({}),
    permit: unknown,
    log: async ({ query }) => ({ text: '', next: query.from, ended: true }),
    attach: unknown,
    pulls: async () => ({ pulls: [] }),
    pull: unknown,
    openPull: unknown,
    diff: async () => ({ diff: '' }),
    merge: unknown,
    review: async () => ({}),
    check: async () => ({}),
    profiles: async () => ({ profiles: [], faults: [], directories: { user: '/nowhere' } }),
    profile: unknown,
    draftProfile: unknown,
    checkProfiles: async () => ({ checked: [] }),
    mcpServers: async () => ({ servers: [] }),
    checkMcpServers: async () => ({ servers: [] }),
    approveMcpServers: async () => ({ servers: [] }),
    revokeMcpServers: async () => ({ revoked: 0 }),
    usage: async ({ query }) => ({ by: query.by, sums: [], total: NO_SUM, more: false }),
    sendMessage: unknown,
    messages: async () => ({ messages: [], last: 0 }),
    message: unknown,
    response: async () => ({}),
    messageTypes: async () => ({ version: 1, types: [] }),
    mailStatistics: unknown,
    mailboxes: async () => ({ mailboxes: [] }),
    openMailbox: unknown,
    closeMailbox: async () => ({}),
    peek: async ({ params }) => ({ mailbox: params.name, messages: [] }),
    receive: async () => ({ messages: [] }),
    acknowledge: async () => ({}),
    giveBack: async () => ({}),
    handOver: unknown,
    handoffs: async () => ({ handoffs: [] }),
    handoff: unknown,
    deadLetters: async () => ({ groups: [], letters: [] }),
    deadLetter: unknown,
    editDeadLetter: unknown,
    redriveDeadLetters: async ({ body }) => ({ done: body.ids, failures: [] }),
    dropDeadLetters: async ({ body }) => ({ done: body.ids, failures: [] }),
    agentTools: async () => ({ tools: [] }),
    agentCall: unknown,
    cleanup: async () => ({ removed: [], kept: [] }),
    stop: async () => ({ stoppedAgents: 0 }),
    backup: async ({ body }) => ({ file: body.file, bytes: 0 }),
    checkStore: async () => ({ faults: [] }),
    ...given,
  }
}

const NO_SUM: Answer<'usage'>['total'] = { agents: 0, withoutCost: 0, agentMs: 0, usage: NO_USAGE }

const status: Answer<'status'> = {
  daemon: {
    version: packageVersion(),
    pid: process.pid,
    host: 'local',
    startedAt: '2026-01-01T00:00:00.000Z',
    stateDir: '/nowhere',
    residentBytes: 1,
  },
  counts: {
    queued: 0,
    leased: 0,
    working: 0,
    waiting: 0,
    reported: 0,
    verified: 0,
    accepted: 0,
    dead: 0,
    cancelled: 0,
  },
  agents: { running: 0, limit: 1 },
  tasks: [],
  store: { kind: 'embedded' },
  hosts: [],
  warnings: [],
  breakers: [],
}
