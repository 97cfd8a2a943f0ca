import type { Command } from 'commander'
import type { Client } from '../../api/client.ts'
import { MESSAGE_TYPE_NAMES } from '../../api/gist.ts'
import { type ErrorBody, OrchError } from '../../errors.ts'
import { plainText } from '../../text.ts'
import { examples, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { readInput } from '../input.ts'
import { givenPayload } from '../messages/compose.ts'
import { deadDetail, deadText } from '../messages/dead-lines.ts'

interface Which {
  what?: 'message' | 'task'
  reason?: string
  type?: string
  to?: string
}

export function define(command: Command, cli: Cli): void {
  examples(command, [
    'orch dead list',
    'orch dead show m-8fk2p0qx41ab',
    'orch dead edit m-8fk2p0qx41ab --to t-4kq8',
    'orch dead redrive m-8fk2p0qx41ab',
    'orch dead drop --reason receiver-gone',
  ])
  defineReading(command, cli)
  defineEdit(command, cli)
  const redrive = 'deliver messages again, try tasks again'
  defineMove(command, cli, {
    name: 'redrive',
    summary: redrive,
    verb: 'redriveDeadLetters',
    done: 'is on its way again',
  })
  const drop = 'give up: messages are dropped, tasks cancelled'
  defineMove(command, cli, { name: 'drop', summary: drop, verb: 'dropDeadLetters', done: 'dropped' })
}

const choice = ({ what, reason, type, to }: Which): Which => ({ what, reason, type, to })

/** Options that choose dead letters by what they died of. */
function choosing(command: Command): Command {
  command.addOption(command.createOption('--what <what>', 'only these').choices(['message', 'task']))
  command.option('--reason <code>', 'that died of this')
  command.addOption(
    command.createOption('--type <type>', 'messages of this type').choices([...MESSAGE_TYPE_NAMES, 'task']),
  )
  return command.option('--to <name>', 'for this mailbox; tasks of this profile')
}

function defineReading(command: Command, cli: Cli): void {
  const list = choosing(command.command('list').description('list them by what went wrong'))
  list.option('-n, --lines <n>', 'how many of the latest one by one', whole('--lines', { min: 0 }), 20)
  examples(list, [
    'orch dead list',
    'orch dead list --what task',
    'orch dead list --reason undeliverable --json',
  ])
  list.action(async ({ lines, ...which }: Which & { lines: number }) => {
    const found = await (await cli.connect()).call('deadLetters', {
      query: { ...choice(which), limit: MOST },
    })
    cli.answer('dead-letters', found, () => deadText(found.groups, found.letters, lines, cli))
  })
  const show = command.command('show <letter>').description('show one, and why it is dead')
  examples(show, ['orch dead show m-8fk2p0qx41ab', 'orch dead show t-4kq8'])
  show.action(async (id: string) => {
    const letter = await (await cli.connect()).call('deadLetter', { params: { id } })
    const text = await deadDetail(letter, cli)
    cli.answer('dead-letter', letter, () => text)
  })
}

const MOST = 10_000

interface Edit {
  payload?: string
  payloadFile?: string
  to?: string
  say?: string
}

function defineEdit(command: Command, cli: Cli): void {
  const edit = command.command('edit <letter>').description('correct it before it is redriven')
  edit.option('--payload <json>', 'of a message: all its fields')
  edit.option('--payload-file <file>', 'the same from a file, or - for standard input')
  edit.option('--to <mailbox>', 'of a message: another receiver')
  edit.option('--say <text>', 'of a task: what its next attempt is told; - reads it from standard input')
  examples(edit, [
    'orch dead edit m-8fk2p0qx41ab --to t-4kq8',
    'orch dead edit m-8fk2p0qx41ab --payload-file corrected.json',
    'orch dead edit t-4kq8 --say "Use the test database, not the real one"',
  ])
  edit.action(async (id: string, { to, say, ...given }: Edit) => {
    const payload = await givenPayload(given, cli.world)
    const word = say === '-' ? (await readInput('-', cli.world)).text : say
    if (payload === undefined && to === undefined && word === undefined)
      throw new OrchError('E_USAGE', 'nothing is to be changed: give --payload, --to or --say', {
        fix: 'See `orch dead edit --help`.',
      })
    const letter = await (await cli.connect()).call('editDeadLetter', {
      params: { id },
      body: { payload, to, word },
    })
    cli.answer(
      'dead-letter',
      letter,
      () => `${letter.id} changed; orch dead redrive ${letter.id} sends it on its way\n`,
    )
  })
}

interface Move {
  name: 'redrive' | 'drop'
  summary: string
  verb: 'redriveDeadLetters' | 'dropDeadLetters'
  done: string
}

function defineMove(command: Command, cli: Cli, { name, summary, verb, done }: Move): void {
  const move = choosing(command.command(`${name} [letter...]`).description(summary))
  move.option('--all', 'all there are')
  examples(move, [
    `orch dead ${name} m-8fk2p0qx41ab t-4kq8`,
    `orch dead ${name} --reason receiver-gone --to t-4kq8`,
    `orch dead ${name} --all`,
  ])
  move.action(async (ids: string[], { all, ...which }: Which & { all?: boolean }) => {
    const chosen = Object.values(choice(which)).some((it) => it !== undefined)
    if ([ids.length > 0, chosen || all === true].filter(Boolean).length !== 1)
      throw new OrchError('E_USAGE', 'name dead letters, or choose them by options, or --all', {
        fix: `See \`orch dead ${name} --help\`.`,
      })
    const client = await cli.connect()
    await moveAll(cli, client, { verb, done, name }, ids.length > 0 ? ids : await chosenIds(client, which))
  })
}

async function chosenIds(client: Client, which: Which): Promise<string[]> {
  const { letters } = await client.call('deadLetters', { query: { ...choice(which), limit: MOST } })
  return letters.toSorted((a, b) => (a.at < b.at ? -1 : 1)).map(({ id }) => id) // in the order in which they were sent
}

const AT_ONCE = 1_000

/** Each by itself. @throws OrchError the first failure, after the result was printed */
async function moveAll(cli: Cli, client: Client, { verb, done, name }: Omit<Move, 'summary'>, ids: string[]) {
  const moved: string[] = []
  const failures: { id: string; error: Pick<ErrorBody, 'message' | 'fix'> & { code: string } }[] = []
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const answer = await client.call(verb, { body: { ids: ids.slice(from, from + AT_ONCE) } })
    moved.push(...answer.done)
    failures.push(...answer.failures)
  }
  const text = () => moved.map((id) => `${id} ${done}\n`).join('')
  if (name === 'redrive') cli.answer('dead-redriven', { done: moved, failures }, text)
  else cli.answer('dead-dropped', { done: moved, failures }, text)
  const [first, ...others] = failures.map(({ error }) => OrchError.fromBody(error as ErrorBody))
  if (!cli.json) for (const other of others) cli.note(`error: ${plainText(other.message)}`)
  if (first) throw first
}
