import type { Command } from 'commander'
import type { Client } from '../../api/client.ts'
import type { StatusView } from '../../api/contract.ts'
import { oneLine } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { watchUntilInterrupt } from '../interrupt.ts'
import { patientClient } from '../patient.ts'
import { taskTable } from '../task-lines.ts'
import { bytes, duration, since } from '../time.ts'

interface Options {
  repo?: string | true
  watch?: boolean
}

export function define(command: Command, cli: Cli): void {
  command.option('--repo [path]', 'only tasks of one repository; without a path of the one you are in')
  command.option('-w, --watch', 'show it again when something changes, until Ctrl-C')
  examples(command, ['orch status', 'orch status --repo .', 'orch status --watch', 'orch status --json'])
  command.action(async (options: Options) => {
    const client = await cli.connect({ autostart: false })
    const repo =
      options.repo === undefined ? undefined : cli.repository(options.repo === true ? '.' : options.repo)
    if (options.watch) return await watch(cli, client, repo)
    const status = await client.call('status', { query: { repo } })
    cli.answer('status', status, () => describe(status, cli))
  })
}

const EVERY_MS = 1_000

/** On a terminal the screen is drawn again each second; elsewhere only what is new is printed. */
async function watch(cli: Cli, direct: Client, repo: string | undefined): Promise<void> {
  const drawn = cli.world.environment.stdoutTty && !cli.json
  let last = ''
  await watchUntilInterrupt(cli, async (signal) => {
    const client = patientClient(cli, direct, { signal, say: cli.note })
    while (!signal.aborted) {
      const status = await client.call('status', { query: { repo } })
      const news = JSON.stringify([status.counts, status.tasks, status.warnings, status.breakers])
      if (drawn) cli.world.out(`\u001b[H\u001b[2J${describe(status, cli)}`)
      else if (news !== last) cli.answer('status', status, () => `${describe(status, cli)}\n`)
      last = news
      await cli.world.clock.sleep(EVERY_MS, signal)
    }
  })
}

function describe(status: StatusView, cli: Cli): string {
  const { daemon, agents, tasks, warnings } = status
  const now = cli.world.clock.now()
  const counts = Object.entries(status.counts).filter(([, count]) => count > 0)
  const head = [
    `orchd ${daemon.version}, pid ${daemon.pid}, up ${since(daemon.startedAt, now)}, ${bytes(daemon.residentBytes)}`,
    ...(daemon.apiUrl ? [`API ${daemon.apiUrl}`] : []),
    ...(status.hosts.length > 1 ? [`host ${oneLine(daemon.host, 70)}`] : []),
    `agents ${agents.running} of ${agents.limit}`,
    ...(status.store.place ? [`Redis ${status.store.place}, cluster ${status.store.cluster}`] : []),
  ].join(' · ')
  const warned = warnings
    .map((warning) => `${cli.paint('yellow', 'warning')} ${oneLine(warning, 500)}\n`)
    .join('')
  const broken = status.breakers
    .filter(({ state }) => state !== 'closed')
    .map((it) => `${cli.paint('yellow', 'out of order')} ${brokenLine(it, now)}\n`)
    .join('')
  const hosts =
    status.hosts.length > 1 ? `hosts ${status.hosts.map((it) => hostText(it, now)).join(' · ')}\n` : ''
  const summary = counts.map(([state, count]) => `${count} ${state}`).join(', ')
  const none =
    status.store.reach?.state === 'down'
      ? 'Which tasks there are is not known until the store can be reached again.\n'
      : 'No tasks. Begin with: orch run "Fix the failing tests"\n'
  const list = tasks.length > 0 ? `${summary}\n\n${taskTable(tasks, now, cli.layout())}` : none
  return `${cli.paint('dim', head)}\n${hosts}${warned}${broken}${list}`
}

/** With its agents, or since when it is silent. */
const hostText = ({ name, state, agents, seenAt }: StatusView['hosts'][number], now: number) =>
  `${oneLine(name, 70)} ${state === 'up' ? `${agents.running}/${agents.limit}` : `silent for ${since(seenAt, now)}`}`

function brokenLine({ name, failures, until, error }: StatusView['breakers'][number], now: number): string {
  const due = until !== undefined && Date.parse(until) > now
  const next =
    until === undefined
      ? 'being tried now'
      : due
        ? `tried again in ${duration(Date.parse(until) - now)}`
        : 'tried again with the next task'
  return `${name} · ${count(failures, 'failure')} in a row · ${next}${error ? ` · ${oneLine(error, 300)}` : ''}`
}
