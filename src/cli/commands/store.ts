import type { Command } from 'commander'
import { OrchError } from '../../errors.ts'
import { oneLine } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { bytes } from '../time.ts'

export function define(command: Command, cli: Cli): void {
  examples(command, [
    'orch store backup ~/orch-backup.db',
    'orch store check',
    'orch store restore ~/orch-backup.db',
  ])
  const backup = command.command('backup <file>').description('copy the store to a file while it is in use')
  examples(backup, ['orch store backup ~/orch-backup.db'])
  backup.action(async (file: string) => {
    const made = await (await cli.connect()).call('backup', { body: { file: cli.absolute(file) } })
    cli.answer('backup', made, () => `wrote ${made.file} (${bytes(made.bytes)})\n`)
  })
  const check = command.command('check').description('examine the store; exit code 5 when it has faults')
  examples(check, ['orch store check', 'orch store check --json'])
  check.action(() => checkStore(cli))
  const restore = command.command('restore <file>').description('put a backup in the place of the store')
  examples(restore, ['orch stop && orch store restore ~/orch-backup.db && orch start'])
  restore.action(async (file: string) => {
    const { restoreStore } = await import('../../daemon/store/restore.ts')
    const backupFile = cli.absolute(file)
    const restored = await restoreStore(cli.world.environment, cli.paths, backupFile)
    const { kept } = restored
    const old = kept ? `; the old one is ${kept}` : ''
    cli.answer('restore', { ...restored, backup: backupFile }, () => `restored the store${old}\n`)
  })
}

async function checkStore(cli: Cli): Promise<void> {
  const { faults } = await (await cli.connect()).call('checkStore')
  cli.answer('check', { faults }, () =>
    faults.length > 0 ? faults.map((fault) => `${oneLine(fault, 500)}\n`).join('') : 'the store is sound\n',
  )
  if (faults.length > 0)
    throw new OrchError('E_STORE', `the store has ${count(faults.length, 'fault')}`, {
      fix: '`orch store restore FILE` brings a backup back.',
    })
}
