/**
 * Method and path of every verb, by name. Apart from contract.ts so that the client, and with it every command,
 * starts without loading the schemas; contract.ts builds on it.
 */
export const routeTable = {
  health: { method: 'GET', path: '/v1/health' },
  status: { method: 'GET', path: '/v1/status' },
  submit: { method: 'POST', path: '/v1/runs' },
  runs: { method: 'GET', path: '/v1/runs' },
  run: { method: 'GET', path: '/v1/runs/:id' },
  task: { method: 'GET', path: '/v1/tasks/:id' },
  cancel: { method: 'POST', path: '/v1/tasks/:id/cancel' },
  retry: { method: 'POST', path: '/v1/tasks/:id/retry' },
  interrupt: { method: 'POST', path: '/v1/tasks/:id/interrupt' },
  permit: { method: 'POST', path: '/v1/tasks/:id/permit' },
  say: { method: 'POST', path: '/v1/tasks/:id/say' },
  log: { method: 'GET', path: '/v1/tasks/:id/log' },
  attach: { method: 'GET', path: '/v1/tasks/:id/attach' },
  pulls: { method: 'GET', path: '/v1/pulls' },
  openPull: { method: 'POST', path: '/v1/pulls' },
  pull: { method: 'GET', path: '/v1/pulls/:number' },
  diff: { method: 'GET', path: '/v1/pulls/:number/diff' },
  merge: { method: 'POST', path: '/v1/pulls/:number/merge' },
  review: { method: 'POST', path: '/v1/pulls/:number/reviews' },
  check: { method: 'POST', path: '/v1/pulls/:number/checks' },
  profiles: { method: 'GET', path: '/v1/profiles' },
  profile: { method: 'GET', path: '/v1/profiles/:name' },
  draftProfile: { method: 'GET', path: '/v1/profiles/:name/draft' },
  checkProfiles: { method: 'POST', path: '/v1/profiles/check' },
  mcpServers: { method: 'GET', path: '/v1/mcp-servers' },
  checkMcpServers: { method: 'POST', path: '/v1/mcp-servers/check' },
  approveMcpServers: { method: 'POST', path: '/v1/mcp-servers/approve' },
  revokeMcpServers: { method: 'POST', path: '/v1/mcp-servers/revoke' },
  usage: { method: 'GET', path: '/v1/usage' },
  agentTools: { method: 'GET', path: '/v1/agent/tools' },
  agentCall: { method: 'POST', path: '/v1/agent/tools/:tool' },
  cleanup: { method: 'POST', path: '/v1/cleanup' },
  stop: { method: 'POST', path: '/v1/stop' },
  backup: { method: 'POST', path: '/v1/store/backup' },
  checkStore: { method: 'GET', path: '/v1/store/check' },
} as const

/** Server-sent events stand beside the verbs: they answer for as long as the caller listens. */
export const EVENTS_PATH = '/v1/events'
