import { type Command, Option } from 'commander'
import { loadConfig } from '../../config/load.ts'
import type { Migrated } from '../../daemon/store/migrate/migrate.ts'
import { OrchError } from '../../errors.ts'
import { plainText } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'

interface Flags {
  to: 'redis' | 'embedded'
  from?: string
  replace?: true
}

export function define(command: Command, cli: Cli): void {
  command
    .addOption(
      new Option('--to <store>', 'where everything is to be')
        .choices(['redis', 'embedded'])
        .makeOptionMandatory(),
    )
    .option('--from <file>', 'a backup, in the place of the embedded store (only with --to redis)')
    .option('--replace', 'over what was moved away from Redis before (only with --to redis)')
  examples(command, [
    'orch stop && orch migrate --to redis && orch start',
    'orch migrate --to embedded',
    'orch migrate --to redis --from ~/orch-backup.db',
  ])
  command.action(async (flags: Flags) => {
    if (flags.to === 'embedded' && (flags.from !== undefined || flags.replace))
      throw new OrchError('E_USAGE', '--from and --replace go with --to redis only')
    const moved = await migrate(cli, flags)
    cli.answer('migrate', { to: flags.to, ...moved }, () => told(flags, moved))
  })
}

async function migrate(cli: Cli, { to, from, replace }: Flags): Promise<Migrated> {
  const { environment, clock } = cli.world
  const { migrateStore } = await import('../../daemon/store/migrate/migrate.ts')
  const { config } = await loadConfig(environment)
  let next = 0
  const progress = (records: number) => {
    if (clock.now() < next) return
    if (next > 0 && !cli.json) cli.note(`${count(records, 'record')} …`)
    next = clock.now() + 2_000
  }
  return await migrateStore({
    ...{ to, config, environment, paths: cli.paths, clock, progress },
    ...(from !== undefined && { from: cli.absolute(from) }),
    ...(replace && { replace }),
  })
}

function told({ to, from }: Flags, { records, kept, elsewhere }: Migrated): string {
  const { run = 0, task = 0, message = 0, pull = 0, event = 0 } = records
  const what = [
    [run, 'run'],
    [task, 'task'],
    [message, 'message'],
    [pull, 'pull request'],
    [event, 'event'],
  ].map(([number, name]) => count(Number(number), String(name)))
  const old = kept ? ` (what was there before is ${plainText(kept)})` : ''
  const lines = [`moved ${what.join(', ')}; compared with what was there: the same`]
  if (to === 'embedded')
    lines.push(`the store is in this state directory now${old}; remove the setting redis, so that it is used`)
  else if (from !== undefined) lines.push('the store is in Redis now; the backup is as it was')
  else
    lines.push(`the store is in Redis now; the file is kept as ${plainText(kept ?? '')}, and used by nobody`)
  if (elsewhere > 0)
    lines.push(
      `${count(elsewhere, 'task')} belong to repositories on other hosts: nobody here can go on with them`,
    )
  return `${lines.join('\n')}\n`
}
