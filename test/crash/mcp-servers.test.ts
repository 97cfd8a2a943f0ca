import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { exec, spawnPiped } from '../../src/exec.ts'
import { createPins } from '../../src/mcp-servers/pins.ts'
import { createProcessTable } from '../../src/runtime/processes/system.ts'
import { mcpFixture } from '../support/mcp.ts'
import { startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

it('loses no approval that was acknowledged, however often the writer is killed', async () => {
  const state = temporaryDirectory('pins')
  const file = join(state, 'pins.json')
  const acknowledged: string[] = []
  for (let round = 0; round < 10; round++) {
    const program = join(import.meta.dirname, '..', 'fixtures', 'mcp-pins-writer.ts')
    const writer = spawnPiped([process.execPath, program, file, `${round}`], { env: {} })
    onTestFinished(() => void writer.kill('SIGKILL'))
    const closed = once(writer, 'close')
    const most = 3 + round
    let lines = 0
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged.push(line)
      if (++lines === most) writer.kill('SIGKILL')
    }
    await closed
    const names = (await createPins({ file, now: () => 0 }).all()).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(acknowledged))
  }
  await createPins({ file, now: () => 0 }).remove([{ name: acknowledged[0] ?? '' }])
  expect(readdirSync(state)).toEqual(['pins.json'])
})

it('a server that a killed daemon was asking is ended by the next one', async () => {
  const { path } = await makeRepository()
  const home = temporaryDirectory('mcp-home')
  const config = join(home, 'config.yaml')
  writeFileSync(config, JSON.stringify({ mcpServers: { slow: { command: mcpFixture('hangs') } } }))
  mkdirSync(join(home, 'home'))
  const orch = await startOrch({ ORCH_CONFIG: config })
  onTestFinished(() => orch.close())
  const processes = createProcessTable({ platform: process.platform, exec, env: {} })
  const asked = () => processes.find({ mark: `ORCH_MCP_OWNER=${orch.paths.mcpPins}` })
  const check = orch.client.call('checkMcpServers', { body: { repo: path, names: ['slow'] } })
  check.catch(() => {}) // its daemon dies
  const [server] = await until('the server runs', async () => {
    const found = await asked()
    return found.length > 0 && found
  })
  await orch.crash(async () => {
    expect((await asked()).map(({ pid }) => pid)).toEqual([server?.pid])
  })
  await until('the server is gone', async () => (await asked()).length === 0)
})
