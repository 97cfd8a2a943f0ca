import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { exec } from '../../../src/exec.ts'
import { until } from '../../support/orch.ts'
import { bin, makeProgram } from '../../support/program.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Programs that import the built package, in processes of their own. */

const program = makeProgram()
afterAll(() => program.close())
const root = join(bin, '..')

function start(role: string, ...more: string[]) {
  const file = fileURLToPath(new URL('../../fixtures/programs-on-the-bus.mjs', import.meta.url))
  const child = spawn(process.execPath, [file, role, program.paths.state, ...more], {
    env: program.env,
    stdio: 'pipe',
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (piece) => (out += piece))
  child.stderr.setEncoding('utf8').on('data', (piece) => (err += piece))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  onTestFinished(() => void child.kill('SIGKILL'))
  return {
    child,
    ended,
    err: () => err,
    lines: () =>
      out
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((it) => JSON.parse(it)),
  }
}

test('a program asks another by capability, while the daemon is killed again and again', async () => {
  const pid = await program.daemon()
  const expert = start('expert')
  await until(`the expert is ready; it says ${expert.err()}`, () => expert.lines().length > 0)
  const asker = start('asker', '40')
  process.kill(pid, 'SIGKILL')
  for (let kills = 1; kills < 4; kills++) {
    await until('some more are answered', () => asker.lines().length >= kills * 8, 60_000)
    process.kill(await program.daemon(), 'SIGKILL')
  }
  expect({ code: await asker.ended, err: asker.err() }).toEqual({ code: 0, err: '' })
  expect(asker.lines()).toEqual(
    Array.from({ length: 40 }, (_, n) => ({ asked: n + 1, answer: `${2 * (n + 1)}` })),
  )
  const text = await program.orch(['send', 'expert', '--type', 'warning', 'the end'])
  expect(text).toMatchObject({ code: 0, err: '' })
  await until('the expert has read all', () => expert.lines().at(-1)?.seen === 'the end')
  expert.child.kill('SIGTERM')
  expect({ code: await expert.ended, err: expert.err() }).toEqual({ code: 0, err: '' })
  const seen = expert
    .lines()
    .slice(1, -1)
    .map(({ seen: question }) => Number(question))
  expect([...new Set(seen)]).toEqual(Array.from({ length: 40 }, (_, n) => n + 1)) // in order; twice only after a kill
  const { messages } = await program.json(['messages', '--state', 'waiting'])
  expect(messages).toEqual([])
})

test('the types of the package are such that a program can be checked against them', async () => {
  const directory = temporaryDirectory('orch-types')
  const used = await readFile(
    fileURLToPath(new URL('../../fixtures/programs-on-the-bus.mjs', import.meta.url)),
    'utf8',
  )
  expect(used).toContain("from 'orch'")
  const face = join(root, 'dist/index.js')
  await writeFile(
    join(directory, 'program.ts'),
    `import { AgentCommunicationBus, connect, OrchError, type Message } from '${face}'
const bus = await AgentCommunicationBus.connect({ stateDir: '/nowhere', autostart: false })
bus.subscribe(async (message: Message) => console.log(message.payload), { types: ['warning'] })
await bus.sendMessage({ to: 'person', type: 'warning', payload: { text: 'x' } })
// @ts-expect-error no such type
await bus.sendMessage({ to: 'person', type: 'gossip', payload: {} })
const { types } = await (await connect()).call('messageTypes')
console.log(types.length, OrchError)
`,
  )
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck']
  const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
  const tsc = join(root, 'node_modules/.bin/tsc')
  await exec([tsc, ...options, ...types, 'program.ts'], { env: program.env, cwd: directory })
})
