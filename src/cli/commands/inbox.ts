import type { Command } from 'commander'
import type { Client } from '../../api/client.ts'
import type { Answer, DeliveryView } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { untilInterrupt } from '../interrupt.ts'
import { checkIsPerson } from '../messages/as-person.ts'
import { messageLine, payloadText } from '../messages/lines.ts'
import { patientClient } from '../patient.ts'

interface Options {
  wait?: boolean
  ack?: string[]
  all?: boolean
}

const WAIT_MS = 30_000
const MOST = 1_000

export function define(command: Command, cli: Cli): void {
  command.argument('[mailbox]', 'of a program, a task or an agent', 'person')
  command.option('-w, --wait', 'until there is something')
  command.option('--ack <message...>', 'mark as read, with earlier ones of the same sender')
  command.option('--all', 'mark everything as read that is shown')
  examples(command, [
    'orch inbox',
    'orch inbox --wait && orch send --reply m-8fk2p0qx41ab "Yes"',
    'orch inbox --ack m-8fk2p0qx41ab',
    'orch inbox --all --json',
  ])
  command.action((mailbox: string, options: Options) => inbox(cli, mailbox, options))
}

async function inbox(cli: Cli, mailbox: string, { wait, ack, all }: Options): Promise<void> {
  if (ack && (all || wait))
    throw new OrchError('E_USAGE', '--ack stands alone', { fix: 'See `orch inbox --help`.' })
  if (ack || all) checkIsPerson(cli, '`orch agent read-inbox`')
  const direct = await cli.connect()
  const { signal, release } = untilInterrupt(cli.world)
  const client = wait ? patientClient(cli, direct, { signal, say: cli.note }) : direct
  try {
    if (ack) return await acknowledge(cli, client, mailbox, ack)
    const found = await look(client, mailbox, signal, wait === true)
    if (!found) return cli.exit(130)
    const read = all ? found.messages.map(({ message }) => message.id) : []
    if (read.length > 0) await markRead(client, found.mailbox, read)
    const text = await describe(cli, found)
    cli.answer('inbox', { ...found, acknowledged: read }, () => text)
  } finally {
    release()
  }
}

async function acknowledge(cli: Cli, client: Client, mailbox: string, ids: string[]): Promise<void> {
  await markRead(client, mailbox, ids)
  cli.answer(
    'inbox',
    { mailbox, messages: [], acknowledged: ids },
    () => `${count(ids.length, 'message')} read\n`,
  )
}

const markRead = (client: Client, name: string, ids: string[]) =>
  client.call('acknowledge', { params: { name }, body: { ids } })

/** Undefined after Ctrl-C. */
async function look(
  client: Client,
  name: string,
  signal: AbortSignal,
  wait: boolean,
): Promise<Answer<'peek'> | undefined> {
  while (!signal.aborted) {
    try {
      const query = { waitMs: wait ? WAIT_MS : 0, limit: MOST }
      const found = await client.call('peek', { params: { name }, query }, { signal })
      if (!wait || found.messages.length > 0) return found
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
  return undefined
}

async function describe({ paint }: Cli, { mailbox, messages }: Answer<'peek'>): Promise<string> {
  if (messages.length === 0) return `nothing waits for ${mailbox}\n`
  const blocks = await Promise.all(messages.map((delivery) => block(delivery, paint)))
  return blocks.join('\n')
}

async function block(delivery: DeliveryView, paint: Cli['paint']): Promise<string> {
  const { type, payload, id } = delivery.message
  const text = (await payloadText(payload)).replace(/^/gm, '    ')
  const asks = !delivery.answer && (type === 'assistance_request' || type === 'validation_request')
  const verdict = type === 'validation_request' ? ' --verdict approved' : ''
  const answer = asks ? `    answer: orch send --reply ${id}${verdict} "…"\n` : ''
  return `${messageLine(delivery, paint)}${text}\n${answer}`
}
