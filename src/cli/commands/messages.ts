import type { Command } from 'commander'
import type { Answer } from '../../api/contract.ts'
import { MESSAGE_TYPE_NAMES } from '../../api/gist.ts'
import { OrchError } from '../../errors.ts'
import { plainText } from '../../text.ts'
import { examples, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { watchUntilInterrupt } from '../interrupt.ts'
import { followMessages, type Sieve, sieveOf } from '../messages/follow.ts'
import { messageDetail, messageLine } from '../messages/lines.ts'
import { patientClient } from '../patient.ts'

interface Options {
  follow?: boolean
  lines: number
  run?: string
  task?: string
  type?: string
  from?: string
  to?: string
  state?: Sieve['states']
  types?: string | true
}

export function define(command: Command, cli: Cli): void {
  command.argument('[message]', 'show everything that is known of this one')
  command.option('-f, --follow', 'go on until Ctrl-C: what is sent, read, returned, and dies')
  command.option('-n, --lines <n>', 'how many of the latest', whole('--lines', { min: 0 }), 50)
  command.option('--run <run>', 'of this run')
  command.option('--task <task>', 'by or to agents of this task')
  command.addOption(command.createOption('--type <type>', 'of this type').choices(MESSAGE_TYPE_NAMES))
  command.option('--from <mailbox>', 'sent by this one')
  command.option('--to <mailbox>', 'sent to this one')
  const states = ['waiting', 'acknowledged', 'dead', 'dropped']
  command.addOption(command.createOption('--state <state>', 'of which this became').choices(states))
  command.option('--types [type]', 'the types that there are, or the JSON Schema of one')
  examples(command, [
    'orch messages',
    'orch messages -f --run r-1xz',
    'orch messages --task t-4kq8 --type finding_report',
    'orch messages m-8fk2p0qx41ab',
    'orch messages --types handoff',
  ])
  command.action((id: string | undefined, options: Options) => messages(cli, id, options))
}

async function messages(cli: Cli, id: string | undefined, options: Options): Promise<void> {
  if (options.types !== undefined) return await types(cli, options.types)
  const direct = await cli.connect()
  if (id !== undefined) {
    const delivery = await direct.call('message', { params: { id } })
    const text = await messageDetail(delivery, cli)
    return cli.answer('message', delivery, () => text)
  }
  const sieve = await sieveOf(direct, options)
  if (!options.follow) {
    const { messages: found } = await sieve.latest(direct, options.lines)
    return cli.answer('messages', { messages: found }, () =>
      found.map((it) => messageLine(it, cli.paint)).join(''),
    )
  }
  await watchUntilInterrupt(cli, async (signal) => {
    const client = patientClient(cli, direct, { signal, say: cli.note })
    await followMessages(cli, client, sieve, { lines: options.lines, signal })
  })
}

async function types(cli: Cli, wanted: string | true): Promise<void> {
  const known = await (await cli.connect()).call('messageTypes')
  if (wanted === true) return cli.answer('message-types', known, () => listed(known))
  const one = known.types.find(({ type }) => type === wanted)
  if (!one)
    throw new OrchError('E_NOT_FOUND', `there is no message type ${plainText(wanted).slice(0, 60)}`, {
      fix: `There are: ${MESSAGE_TYPE_NAMES.join(', ')}.`,
    })
  cli.answer(
    'message-types',
    { version: known.version, types: [one] },
    () => `${JSON.stringify(one.schema, null, 2)}\n`,
  )
}

function listed({ types: all }: Answer<'messageTypes'>): string {
  const lines = all.map(({ type, description, answeredBy }) => {
    const answer = answeredBy ? ` Answered by ${answeredBy}.` : ''
    return `${type}\n    ${description}${answer}\n`
  })
  return `${lines.join('')}\nIts fields: orch messages --types TYPE\n`
}
