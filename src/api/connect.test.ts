import { chmodSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { systemClock } from '../clock.ts'
import { pathsIn } from '../config/paths.ts'
import { connect } from './connect.ts'
import { startDaemon } from './start.ts'
import { prepareStateDirectory } from './state-directory.ts'
import { packageVersion } from './version.ts'

/** Against what is no daemon of ours; starting real ones is in test/crash/daemon.test.ts. */

async function answering(answer: object) {
  const paths = pathsIn(temporaryDirectory())
  await prepareStateDirectory(paths)
  const server = createServer((_, response) => response.end(JSON.stringify(answer)))
  await new Promise<void>((resolve) => server.listen(paths.socket, resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { paths, environment: { env: {} }, autostart: false }
}

test('a daemon of another version is told, one of ours is not', async () => {
  const said: string[] = []
  const log = { warn: (message: string) => void said.push(message) }
  const same = await connect({ ...(await answering({ version: packageVersion() })), log })
  same.close()
  expect(said).toEqual([])
  const other = await connect({ ...(await answering({ version: '99.0.0' })), log })
  other.close()
  expect(said).toEqual([expect.stringMatching(/version 99\.0\.0.*`orch stop` and `orch start`/)])
})

test('no daemon, and none wanted', async () => {
  const paths = pathsIn(temporaryDirectory())
  const none = connect({ paths, environment: { env: {} }, autostart: false })
  await expect(none).rejects.toMatchObject({ code: 'E_DAEMON', fix: '`orch start` starts it.' })
})

test('a socket that others could have put there is not talked to', async () => {
  const options = await answering({ version: packageVersion() })
  chmodSync(options.paths.state, 0o777)
  await expect(connect(options)).rejects.toMatchObject({ code: 'E_STATE_DIR' })
})

test('one that died just when ours had made way for it is started again', async () => {
  const paths = pathsIn(temporaryDirectory())
  await prepareStateDirectory(paths)
  const program = fileURLToPath(new URL('../../test/fixtures/never-a-daemon.ts', import.meta.url))
  const answers = [7, undefined, 8, 8]
  const options = { paths, program, environment: { env: {} }, clock: systemClock, patienceMs: 20_000 }
  await startDaemon({ ...options, daemonPid: async () => answers.shift() })
  expect(answers).toEqual([])
})

test('a daemon that says nothing and never answers is not waited for without end', async () => {
  const paths = pathsIn(temporaryDirectory())
  const program = fileURLToPath(new URL('../../test/fixtures/never-a-daemon.ts', import.meta.url))
  const options = { paths, program, environment: { env: {} }, autostart: true, patienceMs: 300 }
  await expect(connect(options)).rejects.toMatchObject({
    code: 'E_DAEMON',
    message: expect.stringContaining(paths.log),
  })
})
