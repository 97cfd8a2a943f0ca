import type { Command } from 'commander'
import type { Client } from '../../api/client.ts'
import type { DeliveryView } from '../../api/contract.ts'
import { MESSAGE_TYPE_NAMES, type MessageType } from '../../api/gist.ts'
import { OrchError } from '../../errors.ts'
import { createIds, systemRandom } from '../../id.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { checkIsPerson } from '../messages/as-person.ts'
import { answerTo, payloadOf } from '../messages/compose.ts'
import { patientClient } from '../patient.ts'

interface Options {
  type?: MessageType
  priority?: 'low' | 'normal' | 'high' | 'critical'
  reply?: string
  topic?: string
  capability?: string
  run?: string
  payload?: string
  payloadFile?: string
  verdict?: 'approved' | 'refused'
}

export function define(command: Command, cli: Cli): void {
  command.argument(
    '[to]',
    'an agent, a task, a mailbox, or * with --run; not with --reply, --topic, --capability',
  )
  command.argument('[text...]', 'what to tell; - reads it from standard input')
  defineOptions(command)
  examples(command, [
    'orch send t-4kq8 "The API is frozen until Friday"',
    'orch send t-4kq8 --type warning --priority critical "Do not touch the migrations"',
    'orch send --topic security "Keys must not be logged" --run r-1xz',
    'orch send --capability database-design "Which index does this query need?"',
    'orch send --reply m-8fk2p0qx41ab "Yes, use the pool"',
    'orch send t-4kq8 --type finding_report --payload-file finding.json',
  ])
  command.addHelpText(
    'after',
    `
A plain text is sent as context_share, its first line is the subject; with --capability it is an assistance_request, with
--reply the answer of the kind that was asked for. \`orch say\` speaks to an agent as the person who gave the task; a message
of this command is data that it judges, and that it can answer (\`orch inbox\`).`,
  )
  command.action((to: string | undefined, rest: string[], options: Options) =>
    send(cli, to === undefined ? [] : [to, ...rest], options),
  )
}

function defineOptions(command: Command): void {
  const choice = (flags: string, about: string, choices: readonly string[]) =>
    command.addOption(command.createOption(flags, about).choices(choices))
  choice('--type <type>', 'type of the message', MESSAGE_TYPE_NAMES)
  choice('--priority <priority>', 'critical ends the turn of its reader', [
    'low',
    'normal',
    'high',
    'critical',
  ])
  command.option('--reply <message>', 'answer this request; goes to who asked')
  command.option('--topic <topic>', 'to all who have subscribed to it')
  command.option('--capability <name>', 'to whoever can do this and is least busy')
  command.option('--run <run>', 'what * and --topic are limited to')
  command.option('--payload <json>', 'all its fields (orch messages --types TYPE)')
  command.option('--payload-file <file>', 'the same from a file, or - for standard input')
  choice('--verdict <verdict>', 'of an answer to a validation_request', ['approved', 'refused'])
}

async function send(cli: Cli, words: string[], options: Options): Promise<void> {
  checkIsPerson(cli, '`orch agent send-message`')
  const known = [options.reply, options.topic, options.capability].filter((it) => it !== undefined)
  if (known.length > 1) throw usage('one of --reply, --topic and --capability')
  const direct = await cli.connect()
  const client = patientClient(cli, direct, { signal: new AbortController().signal, say: cli.note })
  const asked = options.reply === undefined ? undefined : await requestOf(client, options.reply)
  const { to, text } = receiver(words, options, asked)
  const type =
    options.type ?? (asked ? answerTo(asked) : options.capability ? 'assistance_request' : 'context_share')
  const payload = await payloadOf(type, { ...options, text }, cli.world)
  const { priority, capability, run } = options
  const correlationId = asked && (asked.message.correlationId ?? asked.message.id)
  const id = createIds(systemRandom).message() // ours: sent again after the death of a daemon it is the same message
  const body = { id, to, type, payload, priority, capability, run, correlationId }
  const sent = await client.call('sendMessage', { body })
  cli.answer('sent', { ...sent, type }, () => told(sent, type))
}

function told({ id, to }: { id: string; to: string[] }, type: string): string {
  if (to.length === 1) return `sent ${type} ${id} to ${to[0]}\n`
  return `sent ${type} ${id} to ${count(to.length, 'mailbox').replace(/mailboxs$/, 'mailboxes')}\n`
}

const requestOf = (client: Client, id: string): Promise<DeliveryView> =>
  client.call('message', { params: { id } })

/** A first word that names who asked is taken for the receiver, as without --reply. */
function receiver(words: string[], { topic, capability }: Options, asked?: DeliveryView) {
  const text = (from: string[]) => from.join(' ')
  if (asked) {
    const { from } = asked.message
    return { to: from, text: text(words.length > 1 && words[0] === from ? words.slice(1) : words) }
  }
  if (topic !== undefined) return { to: `#${topic}`, text: text(words) }
  if (capability !== undefined) return { to: undefined, text: text(words) }
  const [to, ...rest] = words
  if (to === undefined) throw usage('a receiver is missing')
  return { to, text: text(rest) }
}

const usage = (message: string) => new OrchError('E_USAGE', message, { fix: 'See `orch send --help`.' })
