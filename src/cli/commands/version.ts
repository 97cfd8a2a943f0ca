import type { Command } from 'commander'
import { packageVersion } from '../../api/version.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'

export function define(command: Command, cli: Cli): void {
  examples(command, ['orch version', 'orch version --json'])
  command.action(() => {
    const data = { version: packageVersion(), node: process.versions.node }
    cli.answer('version', data, () => `orch ${data.version} (Node ${data.node})\n`)
  })
}
