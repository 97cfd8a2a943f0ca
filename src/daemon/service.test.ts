import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { OrchError } from '../errors.ts'
import type { Exec } from '../exec.ts'
import { installService, uninstallService } from './service.ts'
import { systemdUnit } from './service-file.ts'

/** A machine whose service manager only notes what it is told; `broken` makes commands fail that contain the word. */
function machine(platform: NodeJS.Platform, broken = 'nothing') {
  const home = temporaryDirectory()
  const ran: string[] = []
  const exec: Exec = async (argv) => {
    ran.push(argv.join(' ').replaceAll(home, '~'))
    const code = argv.includes(broken) ? 1 : 0
    return {
      code,
      killedBy: null,
      stdout: '',
      stderr: code ? 'Failed to connect to bus' : '',
      timedOut: false,
      truncated: false,
    }
  }
  const environment = { env: { PATH: '/usr/bin' }, home }
  const paths = { state: join(home, 'state'), output: join(home, 'state', 'out') }
  return { home, ran, options: { environment, paths, platform, exec } }
}

test('on Linux: a user unit, enabled and started', async () => {
  const { home, ran, options } = machine('linux')
  const service = await installService(options)
  expect(service.file).toBe(join(home, '.config/systemd/user/orchd.service'))
  expect(ran).toEqual([
    'systemctl --user show-environment',
    'systemctl --user daemon-reload',
    'systemctl --user enable --now orchd.service',
  ])
  const program = fileURLToPath(new URL('./main.ts', import.meta.url))
  const spec = {
    argv: [process.execPath, '--max-semi-space-size=1', program],
    env: { ORCH_STATE_DIR: options.paths.state, PATH: '/usr/bin' },
  }
  expect(readFileSync(service.file, 'utf8')).toBe(systemdUnit({ ...spec, ...options.paths }))
  await installService(options)
})

test('settings that were asked for are in its file', async () => {
  const { options } = machine('linux')
  const { file } = await installService({ ...options, variables: { ORCH_HOST_LABELS: 'gpu,linux' } })
  expect(readFileSync(file, 'utf8')).toContain('Environment="ORCH_HOST_LABELS=gpu,linux"')
  await uninstallService(options)
})

test('the unit goes where XDG says', async () => {
  const { home, options } = machine('linux')
  const env = { XDG_CONFIG_HOME: join(home, 'xdg') }
  const { file } = await installService({ ...options, environment: { env, home } })
  expect(file).toBe(join(home, 'xdg/systemd/user/orchd.service'))
})

test('uninstalling undoes it, and may be done twice', async () => {
  const { ran, options } = machine('linux', 'disable')
  const { file } = await installService(options)
  ran.length = 0
  await uninstallService(options)
  await uninstallService(options)
  expect(existsSync(file)).toBe(false)
  expect(ran.slice(0, 3)).toEqual([
    'systemctl --user show-environment',
    'systemctl --user disable --now orchd.service',
    'systemctl --user daemon-reload',
  ])
})

test('on macOS: a launch agent', async () => {
  const { home, ran, options } = machine('darwin')
  const { file } = await installService(options)
  expect(file).toBe(join(home, 'Library/LaunchAgents/dev.orch.orchd.plist'))
  expect(ran).toEqual(['launchctl version', 'launchctl load -w ~/Library/LaunchAgents/dev.orch.orchd.plist'])
  await uninstallService(options)
  expect(existsSync(file)).toBe(false)
  expect(ran.at(-1)).toBe('launchctl unload -w ~/Library/LaunchAgents/dev.orch.orchd.plist')
})

test('where no service manager answers, nothing is written and the person learns that none is needed', async () => {
  const { home, options } = machine('linux', 'show-environment')
  const expected = {
    code: 'E_PROGRAM_MISSING',
    message: expect.stringContaining('Failed to connect to bus'),
    fix: expect.stringContaining('starts by itself'),
  }
  await expect(installService(options)).rejects.toMatchObject(expected)
  expect(existsSync(join(home, '.config'))).toBe(false)
  const exec: Exec = () =>
    Promise.reject(new OrchError('E_PROGRAM_MISSING', 'cannot start systemctl: ENOENT'))
  await expect(installService({ ...options, exec })).rejects.toMatchObject({ code: 'E_PROGRAM_MISSING' })
  const windows = installService({ ...options, platform: 'win32' })
  await expect(windows).rejects.toMatchObject({ code: 'E_PROGRAM_MISSING' })
})

test('a manager that refuses is quoted', async () => {
  const { options } = machine('linux', 'enable')
  await expect(installService(options)).rejects.toMatchObject({
    message: 'systemctl --user enable --now orchd.service ended with 1: Failed to connect to bus',
  })
})
