import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakeDaemon, orch, taskView } from '../../../test/support/cli.ts'
import { handlersFor } from '../../../test/support/daemon-handlers.ts'

const statusWith = async (given: object) => ({ ...(await handlersFor().status({ query: {} })), ...given })

/** A daemon with one open task, and a state directory with something of a stranger's in it. */
async function toReset() {
  const done: string[] = []
  let open = true
  const daemon = await fakeDaemon({
    status: async () => (await statusWith({ tasks: open ? [taskView()] : [] })) as never,
    cancel: async () => {
      open = false
      done.push('cancel')
      return taskView({ state: 'cancelled' })
    },
    cleanup: async ({ body }) => {
      done.push(`cleanup ${body.force}`)
      return { removed: [], kept: [] }
    },
    stop: async () => {
      setTimeout(() => void daemon.close(), 20)
      return { stoppedAgents: 0 }
    },
  })
  mkdirSync(join(daemon.state, 'worktrees', 'x'), { recursive: true })
  writeFileSync(join(daemon.state, 'mine.txt'), 'x')
  return { ...daemon, done }
}

test('reset asks first, and refuses where nobody can answer', async () => {
  const { state, done } = await toReset()
  const refused = await orch(['reset'], { state, stdinTty: false })
  expect(refused.code).toBe(2)
  expect(refused.err).toContain(`remove ${state}/worktrees`)
  expect(refused.err).toContain('orch reset --yes')
  const no = await orch(['reset'], { state, stdoutTty: true, stdin: '\n' })
  expect(no.code).toBe(1)
  expect(done).toEqual([])
  expect(existsSync(join(state, 'worktrees'))).toBe(true)
})

test.each([
  ['after a yes', ['reset'], { stdoutTty: true, stdin: 'y\n' }],
  ['with --yes', ['reset', '--yes'], {}],
])('%s reset ends tasks, saves work, and removes only what is Orch’s', async (_, argv, given) => {
  const { state, done } = await toReset()
  const { code } = await orch(argv, { state, ...given })
  expect(code).toBe(0)
  expect(done).toEqual(['cancel', 'cleanup true'])
  expect(existsSync(join(state, 'worktrees'))).toBe(false)
  expect(existsSync(join(state, 'run'))).toBe(false)
  expect(existsSync(join(state, 'mine.txt'))).toBe(true)
  expect((await orch(['reset', '--yes'], { state })).out).toContain('there is nothing')
})
