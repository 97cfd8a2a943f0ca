import type { Command } from 'commander'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { findRepository } from '../repository.ts'

export function define(command: Command, cli: Cli): void {
  examples(command, ['orch config show --origin', 'orch config path', '$EDITOR "$(orch config path)"'])
  const show = command.command('show').description('print the settings that hold here')
  show.option('--origin', 'say where each value comes from').option('--repo <path>', 'as in this repository')
  examples(show, ['orch config show', 'orch config show --origin', 'orch config show --json'])
  show.action((options: { origin?: boolean; repo?: string }) => showConfig(cli, options))
  const path = command.command('path').description('print where your own configuration file is')
  examples(path, ['orch config path'])
  path.action(async () => {
    const { projectConfigFile, userConfigFile } = await import('../../config/load.ts')
    const repo = await findRepository(cli.repository())
    const user = userConfigFile(cli.world.environment)
    const paths = { user, project: repo && projectConfigFile(repo), state: cli.paths.state }
    cli.answer('config-path', paths, () => `${user}\n`)
  })
}

async function showConfig(cli: Cli, options: { origin?: boolean; repo?: string }): Promise<void> {
  const { loadConfig } = await import('../../config/load.ts')
  const repo = await findRepository(cli.repository(options.repo))
  const { redacted } = await import('../../config/redact.ts')
  const { config: loaded, origins, files } = await loadConfig(cli.world.environment, { repo })
  const config = redacted(loaded)
  const data = options.origin ? { config, files, origins } : { config, files }
  cli.answer('config', data, () =>
    Object.keys(config)
      .sort()
      .map((key) => {
        const value = JSON.stringify(config[key as keyof typeof config])
        if (!options.origin) return `${key}: ${value}\n`
        return `${key}: ${value}  ${cli.paint('dim', `# ${originOf(key, origins)}`)}\n`
      })
      .join(''),
  )
}

/** A record can come from several places: each of its parts has an origin. */
function originOf(key: string, origins: Record<string, string>): string {
  const parts = Object.entries(origins).filter(([path]) => path === key || path.startsWith(`${key}.`))
  return [...new Set(parts.map(([, origin]) => origin))].join(', ')
}
