import type { Command } from 'commander'
import type { Cli } from './cli.ts'

/** What a file in commands/ exports: it gives its command arguments, options, examples and action. */
export interface CommandModule {
  define(command: Command, cli: Cli): void
}

export interface Listed {
  name: string
  summary: string
  hidden?: true
  load(): Promise<CommandModule>
}

/** All commands in the order of `orch --help`. A command's file is loaded only when it is called. */
export const COMMANDS: Listed[] = [
  {
    name: 'run',
    summary: 'give tasks to agents and show them until each has its pull request',
    load: () => import('./commands/run.ts'),
  },
  { name: 'status', summary: 'show the daemon and its tasks', load: () => import('./commands/status.ts') },
  {
    name: 'logs',
    summary: 'show what an agent printed, or what happened at all',
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'show',
    summary: 'show everything that is known of a task',
    load: () => import('./commands/show.ts'),
  },
  { name: 'attach', summary: "go before an agent's screen", load: () => import('./commands/attach.ts') },
  { name: 'say', summary: 'speak to a running agent', load: () => import('./commands/say.ts') },
  {
    name: 'interrupt',
    summary: "end an agent's turn; it goes on with what it is told",
    load: () => import('./commands/interrupt.ts'),
  },
  {
    name: 'permit',
    summary: 'answer the permission question of an agent',
    load: () => import('./commands/permit.ts'),
  },
  { name: 'cancel', summary: 'end tasks; their work is saved', load: () => import('./commands/cancel.ts') },
  {
    name: 'retry',
    summary: 'try tasks again that are dead or cancelled',
    load: () => import('./commands/retry.ts'),
  },
  {
    name: 'send',
    summary: 'send a message to an agent or a program',
    load: () => import('./commands/send.ts'),
  },
  { name: 'inbox', summary: 'show what agents wrote to you', load: () => import('./commands/inbox.ts') },
  {
    name: 'messages',
    summary: 'show what agents, programs and people tell each other',
    load: () => import('./commands/messages.ts'),
  },
  {
    name: 'handoffs',
    summary: 'show what agents handed over to each other',
    load: () => import('./commands/handoffs.ts'),
  },
  {
    name: 'dead',
    summary: 'list, correct, redrive or drop what could not be delivered or done',
    load: () => import('./commands/dead.ts'),
  },
  {
    name: 'hosts',
    summary: 'show the hosts that share the store, and what they do',
    load: () => import('./commands/hosts.ts'),
  },
  {
    name: 'usage',
    summary: 'show what agents have used: tokens, cost, turns, time',
    load: () => import('./commands/usage.ts'),
  },
  {
    name: 'pr',
    summary: 'list, show, open, merge and review pull requests',
    load: () => import('./commands/pr.ts'),
  },
  {
    name: 'profiles',
    summary: 'list, show, make and check kinds of agents',
    load: () => import('./commands/profiles.ts'),
  },
  {
    name: 'mcp',
    summary: 'list, check and approve the MCP servers that agents get',
    load: () => import('./commands/mcp.ts'),
  },
  {
    name: 'agent',
    summary: 'what agents tell Orch, for programs without MCP',
    load: () => import('./commands/agent.ts'),
  },
  {
    name: 'cleanup',
    summary: 'remove what tasks that ended left behind; never unmerged work',
    load: () => import('./commands/cleanup.ts'),
  },
  {
    name: 'doctor',
    summary: 'check what Orch needs on this machine, and say how to mend it',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'config',
    summary: 'show the configuration and where it comes from',
    load: () => import('./commands/config.ts'),
  },
  {
    name: 'start',
    summary: 'start the daemon (other commands do it by themselves)',
    load: () => import('./commands/start.ts'),
  },
  {
    name: 'stop',
    summary: 'stop the daemon; agents go on working unless --agents',
    load: () => import('./commands/stop.ts'),
  },
  {
    name: 'store',
    summary: 'back the store up, check it, restore it',
    load: () => import('./commands/store.ts'),
  },
  {
    name: 'migrate',
    summary: 'move everything into Redis, or back into the embedded store',
    load: () => import('./commands/migrate.ts'),
  },
  {
    name: 'reset',
    summary: "end everything and remove Orch's own state",
    load: () => import('./commands/reset.ts'),
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    load: () => import('./commands/completion.ts'),
  },
  {
    name: 'version',
    summary: 'print the versions of Orch and Node',
    load: () => import('./commands/version.ts'),
  },
  {
    name: '__complete',
    summary: 'candidates for a shell',
    hidden: true,
    load: () => import('./commands/complete.ts'),
  },
]
