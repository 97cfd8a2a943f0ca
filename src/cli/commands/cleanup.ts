import type { Command } from 'commander'
import { oneLine } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'

export function define(command: Command, cli: Cli): void {
  command.option('--dry-run', 'only say what would be removed')
  command.option(
    '--force',
    'also end agents that no task owns, and remove the transcripts of tasks that ended',
  )
  examples(command, ['orch cleanup --dry-run', 'orch cleanup', 'orch cleanup --force'])
  command.action(async ({ dryRun = false, force = false }: { dryRun?: boolean; force?: boolean }) => {
    const client = await cli.connect()
    const { removed, kept } = await client.call('cleanup', { body: { dryRun, force } })
    cli.answer('cleanup', { dryRun, removed, kept }, () => {
      const verb = dryRun ? 'would remove' : 'removed'
      const gone = removed.map((what) => `${verb} ${oneLine(what, 500)}\n`)
      const left = kept.map(({ what, why }) =>
        cli.paint('dim', `kept ${oneLine(what, 500)}: ${oneLine(why, 300)}\n`),
      )
      return [...gone, ...left].join('') || 'nothing to clean up\n'
    })
  })
}
