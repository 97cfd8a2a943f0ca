import type { Command } from 'commander'
import type { Client } from '../../api/client.ts'
import type { EventView, TaskDetail } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import { plainText } from '../../text.ts'
import { examples, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { documentLine } from '../document.ts'
import { findTask } from '../find-task.ts'
import { watchUntilInterrupt } from '../interrupt.ts'
import { patientClient } from '../patient.ts'
import { STORY_EVENTS, sentence } from '../story.ts'
import { isFinal } from '../task-lines.ts'
import { dayTime } from '../time.ts'

interface Options {
  follow?: boolean
  attempt?: number
  lines: number
}

export function define(command: Command, cli: Cli): void {
  command.argument('[task]', 'show what its agent printed; without a task, what happened at all')
  command.option('-f, --follow', 'go on until the task has ended, or Ctrl-C')
  command.option('--attempt <n>', 'of this attempt (default: the latest)', whole('--attempt', { min: 1 }))
  command.option(
    '-n, --lines <n>',
    'without a task: how many of the latest events',
    whole('--lines', { min: 0 }),
    200,
  )
  examples(command, [
    'orch logs t-4kq8',
    'orch logs -f t-4kq8',
    'orch logs t-4kq8 --attempt 1',
    'orch logs -f',
  ])
  command.action(async (name: string | undefined, options: Options) => {
    if (!name && options.attempt !== undefined)
      throw new OrchError('E_USAGE', '--attempt needs a task', { fix: 'orch logs TASK --attempt N' })
    const direct = await cli.connect()
    await watchUntilInterrupt(cli, async (signal) => {
      const client = options.follow ? patientClient(cli, direct, { signal, say: cli.note }) : direct
      if (name) await transcript(cli, client, await findTask(client, name), options, signal)
      else await story(cli, client, options, signal)
    })
  })
}

const LOOK_MS = 300

async function transcript(cli: Cli, client: Client, task: TaskDetail, options: Options, signal: AbortSignal) {
  const print = (attempt: number, text: string) => {
    if (cli.json) cli.world.out(documentLine('log', { task: task.id, attempt, text }))
    else cli.world.out(plainText(text))
  }
  if (options.follow) return await follow(cli, client, task, { ...options, print, signal })
  const attempt = options.attempt ?? task.attempt
  const pieces: string[] = []
  const take = (text: string) => void (cli.json ? pieces.push(text) : print(attempt, text))
  if (attempt > 0) await readAll(client, task.id, attempt, 0, take)
  if (cli.json) print(attempt, pieces.join(''))
}

interface Following extends Options {
  print(attempt: number, text: string): void
  signal: AbortSignal
}

/** One attempt after the other (or only the one that was asked for), until the task has ended. */
async function follow(cli: Cli, client: Client, task: TaskDetail, { print, signal, ...options }: Following) {
  let attempt = options.attempt ?? task.attempt
  let from = 0
  while (!signal.aborted) {
    const read = await readAll(client, task.id, attempt, from, (text) => print(attempt, text))
    from = read.next
    if (read.ended) {
      const now = await findTask(client, task.id)
      if (options.attempt !== undefined || (isFinal(now) && now.attempt <= attempt)) return
      if (now.attempt > attempt) {
        attempt = now.attempt
        from = 0
        if (!cli.json) cli.note(`-- attempt ${attempt}`)
      }
    }
    await cli.world.clock.sleep(LOOK_MS, signal)
  }
}

/** Everything that is there after byte `from`. Attempt 0 is what a task has that was never begun: nothing. */
async function readAll(
  client: Client,
  id: string,
  attempt: number,
  from: number,
  take: (text: string) => void,
): Promise<{ next: number; ended: boolean }> {
  if (attempt === 0) return { next: 0, ended: true }
  for (let next = from; ; ) {
    const piece = await client.call('log', { params: { id }, query: { from: next, attempt } })
    if (piece.text) take(piece.text)
    if (piece.next === next) return { next, ended: piece.ended }
    next = piece.next
  }
}

async function story(cli: Cli, client: Client, options: Options, signal: AbortSignal): Promise<void> {
  const latest: EventView[] = []
  let after = 0
  for await (const event of client.events({ after: 0, types: STORY_EVENTS, follow: false, signal })) {
    after = event.seq
    latest.push(event)
    if (latest.length > options.lines) latest.shift()
  }
  if (!options.follow) {
    cli.answer('events', { events: latest }, () => latest.map(line).join(''))
    return
  }
  const show = (event: EventView) => cli.answer('event', event, () => line(event))
  latest.forEach(show)
  for await (const event of client.events({ after, types: STORY_EVENTS, signal })) show(event)
}

const line = (event: EventView) =>
  `${dayTime(event.at)}  ${(event.taskId ?? event.runId ?? 'orchd').padEnd(14)}  ${sentence(event)}\n`
