import { readdir, rm, rmdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Command } from 'commander'
import type { Client } from '../../api/client.ts'
import type { Paths } from '../../config/paths.ts'
import { OrchError } from '../../errors.ts'
import { plainText } from '../../text.ts'
import { examples } from '../arguments.ts'
import { askYes } from '../ask.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { stopDaemon } from '../stop-daemon.ts'
import { isFinal } from '../task-lines.ts'

export function define(command: Command, cli: Cli): void {
  command.option('-y, --yes', 'do not ask')
  examples(command, ['orch reset', 'orch store backup before.db && orch reset --yes'])
  command.action(async ({ yes = false }: { yes?: boolean }) => {
    const present = await presentPlaces(cli.paths)
    if (present.length === 0) return done(cli, [])
    const client = await cli.connect()
    await confirm(cli, client, present, yes)
    await end(cli, client)
    await remove(cli.paths, present)
    done(cli, present)
  })
}

function done(cli: Cli, removed: string[]): void {
  cli.answer('reset', { state: cli.paths.state, removed }, () =>
    removed.length > 0
      ? `removed Orch's state in ${cli.paths.state}; branches and commits in your repositories stay\n`
      : `there is nothing in ${cli.paths.state}\n`,
  )
}

/** Only what is Orch's own: whatever else lies in the directory is left alone. */
async function presentPlaces(paths: Paths): Promise<string[]> {
  const { state, ...places } = paths
  const own = new Set(Object.values(places).map((path) => relative(state, path).split('/')[0] ?? ''))
  const there = await readdir(state).catch(() => [] as string[])
  return there.filter((name) => own.has(name)).map((name) => join(state, name))
}

async function confirm(cli: Cli, client: Client, present: string[], yes: boolean): Promise<void> {
  const open = await openTasks(client)
  const lines = [
    'This would:',
    `  end ${count(open.length, 'open task')} and ${open.length === 1 ? 'its agent' : 'their agents'} (their work is saved on their branches)`,
    '  stop the daemon and forget all tasks, pull requests of the local forge, logs and results',
    ...present.map((path) => `  remove ${plainText(path)}`),
    'Branches and commits in your repositories stay.',
  ]
  if (!yes || !cli.json) cli.note(lines.join('\n'))
  if (yes) return
  const { stdinTty, stdoutTty } = cli.world.environment
  if (!stdinTty || !stdoutTty)
    throw new OrchError('E_USAGE', 'reset asks first, and there is no terminal to ask on', {
      fix: 'orch reset --yes does it without asking.',
    })
  if (!(await askYes(cli.world, 'Go on? [y/N] ')))
    throw new OrchError('E_STATE', 'nothing was removed', { fix: 'Answer y to go on.' })
}

/** Saves what workspaces hold before they go. Whatever cannot be ended or saved stops the reset. */
async function end(cli: Cli, client: Client): Promise<void> {
  for (let open = await openTasks(client); open.length > 0; open = await openTasks(client)) {
    for (const { id } of open) await client.call('cancel', { params: { id } }).catch(ignoreEnded)
  }
  await client.call('cleanup', { body: { force: true } })
  await stopDaemon(client, cli.world.clock, true)
}

async function openTasks(client: Client) {
  const { tasks } = await client.call('status', { query: {} })
  return tasks.filter((task) => !isFinal(task))
}

/** It ended by itself in the meantime. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof OrchError) || error.code !== 'E_STATE') throw error
}

async function remove(paths: Paths, present: string[]): Promise<void> {
  for (const path of present) await rm(path, { recursive: true, force: true, maxRetries: 5 })
  await rmdir(paths.state).catch(() => {}) // something of somebody else's is in it
}
