import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { pathsIn } from '../config/paths.ts'
import { prepareStateDirectory } from './state-directory.ts'

const mode = (path: string) => statSync(path).mode & 0o777
const fault = (message: string) => ({ code: 'E_STATE_DIR', message: expect.stringContaining(message) })

test('makes what is not there, for us alone, and finds it good the next time', async () => {
  const paths = pathsIn(join(temporaryDirectory(), 'a', 'b'))
  await prepareStateDirectory(paths)
  await prepareStateDirectory(paths)
  expect(mode(paths.state)).toBe(0o700)
  expect(mode(join(paths.state, 'run'))).toBe(0o700)
})

test('an empty directory that was made by hand is closed; one that holds something is left alone', async () => {
  const empty = join(temporaryDirectory(), 'empty')
  mkdirSync(empty, { mode: 0o755 })
  await prepareStateDirectory(pathsIn(empty))
  expect(mode(empty)).toBe(0o700)
  const home = join(temporaryDirectory(), 'home')
  mkdirSync(home)
  chmodSync(home, 0o755)
  writeFileSync(join(home, 'letter'), '')
  const refused = prepareStateDirectory(pathsIn(home))
  await expect(refused).rejects.toMatchObject({ ...fault('is open to others'), fix: `chmod 700 "${home}"` })
  expect(mode(home)).toBe(0o755)
})

test('a link, a file, a directory of someone else', async () => {
  const directory = temporaryDirectory()
  const link = join(directory, 'link')
  symlinkSync(temporaryDirectory(), link)
  await expect(prepareStateDirectory(pathsIn(link))).rejects.toMatchObject(fault('is a symbolic link'))
  const dangling = join(directory, 'dangling')
  symlinkSync(join(directory, 'nowhere'), dangling)
  await expect(prepareStateDirectory(pathsIn(dangling))).rejects.toMatchObject({ code: 'E_STATE_DIR' })
  const file = join(directory, 'file')
  writeFileSync(file, '')
  await expect(prepareStateDirectory(pathsIn(file))).rejects.toMatchObject(fault('is not a directory'))
  await expect(prepareStateDirectory(pathsIn(join(file, 'in')))).rejects.toMatchObject(fault('ENOTDIR'))
  const other = prepareStateDirectory(pathsIn(temporaryDirectory()), 12_345)
  await expect(other).rejects.toMatchObject(fault('belongs to another user'))
})

test('a link in place of the directory of the socket', async () => {
  const paths = pathsIn(temporaryDirectory())
  symlinkSync(temporaryDirectory(), join(paths.state, 'run'))
  await expect(prepareStateDirectory(paths)).rejects.toMatchObject(fault('is a symbolic link'))
})

test.skipIf(process.getuid?.() === 0)('a directory that cannot be written to (not as root)', async () => {
  const paths = pathsIn(temporaryDirectory())
  chmodSync(paths.state, 0o500)
  await expect(prepareStateDirectory(paths)).rejects.toMatchObject({ code: 'E_STATE_DIR' })
})

test.runIf(process.platform === 'linux')('a file system that takes nothing', async () => {
  for (const path of ['/proc/orch', '/proc/orch/state'])
    await expect(prepareStateDirectory(pathsIn(path))).rejects.toMatchObject(fault('cannot be made'))
})

test('a path too long for a socket is told before anything is made', async () => {
  const state = join(temporaryDirectory(), 'x'.repeat(90))
  await expect(prepareStateDirectory(pathsIn(state))).rejects.toMatchObject({
    ...fault('a Unix socket can have 99'),
    fix: expect.stringContaining('ORCH_STATE_DIR'),
  })
  expect(existsSync(state)).toBe(false)
})
