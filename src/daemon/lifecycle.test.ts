import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { handlersFor } from '../../test/support/daemon-handlers.ts'
import { openTableJournal } from '../../test/support/table-journal.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { createClient } from '../api/client.ts'
import { OrchError } from '../errors.ts'
import { type Composed, prepareDaemon, startDaemon } from './lifecycle.ts'

/** In this process; test/crash/daemon.test.ts has the daemon as a process of its own. */

function machine(given: Partial<Composed> = {}) {
  const ended: { agents: boolean }[] = []
  const composed: Composed = {
    handlers: handlersFor(),
    journal: openTableJournal(':memory:'),
    begin: async () => {},
    end: async (options) => void ended.push(options),
    ...given,
  }
  const state = temporaryDirectory()
  const environment = {
    env: { ORCH_STATE_DIR: state },
    home: state,
    cwd: state,
    stdoutTty: false,
    stdinTty: false,
  }
  const start = async () => {
    const setup = await prepareDaemon(environment)
    return { paths: setup.paths, starting: startDaemon(setup, async () => composed) }
  }
  return { start, ended, composed }
}

test('what is there is taken up before the first request is answered', async () => {
  const gate = Promise.withResolvers<void>()
  const { start } = machine({ begin: () => gate.promise })
  const { paths, starting } = await start()
  expect(existsSync(paths.socket)).toBe(false)
  gate.resolve()
  const daemon = await starting
  expect(existsSync(paths.socket)).toBe(true)
  await daemon.stop({ agents: false })
})

test('a start that fails lets the store go', async () => {
  const { start, ended } = machine({ begin: () => Promise.reject(new OrchError('E_GIT', 'no git')) })
  const { starting } = await start()
  await expect(starting).rejects.toMatchObject({ code: 'E_GIT' })
  expect(ended).toEqual([{ agents: false }])
})

test('stopped twice, it ends once', async () => {
  const { start, ended } = machine()
  const daemon = await (await start()).starting
  await Promise.all([daemon.stop({ agents: true }), daemon.stop({ agents: false }), daemon.stopping])
  await daemon.stopped
  expect(ended).toEqual([{ agents: true }])
})

test('a stop that the journal cannot be told of ends everything all the same', async () => {
  const { start, ended, composed } = machine()
  const { append } = composed.journal
  composed.journal.append = async (events) => {
    if (events[0]?.type === 'daemon.stopped') throw new OrchError('E_DISK_FULL', 'no space left')
    return append(events)
  }
  const { paths, starting } = await start()
  await (await starting).stop({ agents: false })
  expect(ended).toEqual([{ agents: false }])
  expect(existsSync(paths.socket)).toBe(false)
})

test('a stop that comes while it is still starting is answered and done', async () => {
  const { start, ended, composed } = machine()
  const { append } = composed.journal
  const asked = Promise.withResolvers<void>()
  composed.journal.append = async (events) => {
    if (events[0]?.type === 'daemon.started') await asked.promise
    return append(events)
  }
  const { paths, starting } = await start()
  const client = createClient({ socketPath: paths.socket })
  await expect.poll(() => existsSync(paths.socket), { interval: 5 }).toBe(true)
  expect(await client.call('stop', { body: { agents: true } })).toEqual({ stoppedAgents: 0 })
  asked.resolve()
  await (await starting).stopped
  expect(ended).toEqual([{ agents: true }])
  client.close()
})

test('what makes it impossible to go on stops it in an orderly way, and agents are left alone', async () => {
  const broken = Promise.withResolvers<OrchError>()
  const { start, ended, composed } = machine({ broken: broken.promise })
  const daemon = await (await start()).starting
  broken.resolve(new OrchError('E_HOST_TAKEN', 'another one has the name'))
  await daemon.stopped
  expect(ended).toEqual([{ agents: false }])
  const events = await composed.journal.read({ types: ['daemon.stopped'] })
  expect(events).toHaveLength(1)
})

test('a verb that could not stop the agents leaves the daemon up', async () => {
  const stop = () => Promise.reject(new OrchError('E_RUNTIME', 'tmux hangs'))
  const { start } = machine({ handlers: handlersFor({ stop }) })
  const { paths, starting } = await start()
  const daemon = await starting
  const client = createClient({ socketPath: paths.socket })
  await expect(client.call('stop', { body: { agents: true } })).rejects.toMatchObject({ code: 'E_RUNTIME' })
  expect(await client.call('health')).toMatchObject({ ok: true })
  client.close()
  await daemon.stop({ agents: false })
})
