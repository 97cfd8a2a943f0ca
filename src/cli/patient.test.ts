import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import type { Client } from '../api/client.ts'
import { systemClock } from '../clock.ts'
import { pathsIn } from '../config/paths.ts'
import { OrchError } from '../errors.ts'
import { createPatientCalls } from './agent/patient-calls.ts'
import type { Cli } from './cli.ts'
import { patientClient } from './patient.ts'

/** Daemons that go away again before they answer, as when several start one at once and some of them are killed. */

function away(times: number, code: 'E_DAEMON' | 'E_STORE_DOWN' | 'E_STATE' = 'E_DAEMON') {
  const paths = pathsIn(temporaryDirectory())
  mkdirSync(dirname(paths.socket), { recursive: true })
  writeFileSync(paths.socket, '')
  let now = systemClock.now()
  let left = times
  const said: string[] = []
  const call = async (name: string) => {
    now += 10
    if (name === 'agentTools') return { tools: [{ name: 'send', idempotent: true }, { name: 'tell' }] }
    if (left-- > 0) throw new OrchError(code, 'it went away', { cause: { code: 'ECONNRESET' } })
    return { ok: true }
  }
  const later = async (ms: number) => {
    now += ms
  }
  const client = { call, events: async function* () {}, close: () => {} } as unknown as Client
  const connect = async () => {
    now += 1_000
    return client
  }
  const clock = { ...systemClock, now: () => now, sleep: later }
  const note = (text: string) => void said.push(text)
  const cli = { paths, world: { clock }, connect, note } as unknown as Cli
  return { cli, client, said }
}

const signal = new AbortController().signal

test('a command that watches outlives daemons that die one after the other', async () => {
  const { cli, client, said } = away(4)
  const patient = patientClient(cli, client, { signal, say: cli.note })
  expect(await patient.call('health')).toEqual({ ok: true })
  expect(said).toHaveLength(4)
})

test('and a store that is out of reach for a while, which it tells once', async () => {
  const { cli, client, said } = away(4, 'E_STORE_DOWN')
  const patient = patientClient(cli, client, { signal, say: cli.note })
  expect(await patient.call('health')).toEqual({ ok: true })
  expect(said).toEqual([expect.stringContaining('store')])
  const refused = away(1, 'E_STATE')
  const other = patientClient(refused.cli, refused.client, { signal, say: () => {} })
  await expect(other.call('health')).rejects.toMatchObject({ code: 'E_STATE' })
})

test('and a daemon that cannot be started as long as its store is out of reach', async () => {
  const { cli, client, said } = away(2)
  const { connect } = cli
  let refused = 0
  cli.connect = async () => {
    if (refused++ === 0) throw new OrchError('E_STORE_DOWN', 'Redis cannot be reached')
    return await connect()
  }
  const patient = patientClient(cli, client, { signal, say: cli.note })
  expect(await patient.call('health')).toEqual({ ok: true })
  expect(said).toEqual([expect.stringContaining('store'), expect.stringContaining('started again')])
})

test('but not for ever', async () => {
  const { cli, client } = away(1_000_000)
  const patient = patientClient(cli, client, { signal, say: () => {} })
  await expect(patient.call('health')).rejects.toMatchObject({ code: 'E_DAEMON' })
})

test('so does what an agent asks, when it cannot do anything twice', async () => {
  const calls = await createPatientCalls(away(3).cli, 'token')
  expect(await calls.call('send', {})).toEqual({ ok: true })
  const dying = await createPatientCalls(away(1_000).cli, 'token')
  await expect(dying.call('send', {})).rejects.toMatchObject({ code: 'E_DAEMON' })
})

test('and for a store that is out of reach: a tool that may be called twice waits for it', async () => {
  const { cli, said } = away(3, 'E_STORE_DOWN')
  const calls = await createPatientCalls(cli, 'token')
  expect(await calls.call('send', {})).toEqual({ ok: true })
  expect(said).toEqual([expect.stringContaining('store')])
  const once = await createPatientCalls(away(1, 'E_STORE_DOWN').cli, 'token')
  await expect(once.call('tell', {})).rejects.toMatchObject({ code: 'E_STORE_DOWN' })
  const down = await createPatientCalls(away(1_000_000, 'E_STORE_DOWN').cli, 'token')
  await expect(down.call('send', {})).rejects.toMatchObject({ code: 'E_STORE_DOWN' })
})
