import { rmSync, writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exec } from '../../src/exec.ts'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository, sampleEnv } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** The state directory on a disk of 64 MB that fills up. Mounting it needs root on Linux. */
const disk = temporaryDirectory('orch-disk')
const mounted =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  (await exec(['mount', '-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk], { env: sampleEnv })).code === 0

let orch: Orch
beforeAll(async () => {
  if (mounted) orch = await startOrch({ ORCH_TRIES: '1' }, disk)
})
afterAll(async () => {
  if (!mounted) return
  await orch.close().catch(() => {}) // its directory is the mount point: everything below goes, itself it cannot
  await exec(['umount', '-l', disk], { env: sampleEnv })
})

const ballast = join(disk, 'ballast')
async function fill(): Promise<void> {
  const { bavail, bsize } = await statfs(disk)
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 4_096)))
}

it.skipIf(!mounted)(
  'a full disk ends attempts with its name, loses nothing, and work goes on when there is room',
  async () => {
    const repository = await makeRepository({ files: { 'big.bin': Buffer.alloc(4_000_000, 7) } })
    const order = { driver: 'command', argv: [agent('commits-anew')], description: 'Do it' }
    const before = await orch.finished((await orch.submit(repository.path, [order])).id)
    expect(before[0]?.state).toBe('accepted')

    await fill()
    const answer = await orch.submit(repository.path, [order]).then(
      ({ tasks }) => tasks[0]?.id,
      (error) => error,
    )
    // Which write meets the full disk first is chance: the submission itself is refused, or the attempt ends.
    if (typeof answer !== 'string') expect(answer).toMatchObject({ code: 'E_DISK_FULL' })
    expect((await orch.client.call('health', {})).ok).toBe(true)
    if (typeof answer === 'string') await new Promise((resolve) => setTimeout(resolve, 1_000))

    rmSync(ballast)
    const { faults } = await orch.client.call('checkStore', {})
    expect(faults).toEqual([])
    if (typeof answer === 'string') {
      const ended = await until('the task has ended', async () => {
        const task = await orch.task(answer)
        return ['accepted', 'dead'].includes(task.state) && task
      })
      if (ended.state === 'dead') {
        expect(ended.reason?.code).toMatch(/^(E_DISK_FULL|E_GIT|lost|agent-failed)$/)
        await orch.client.call('retry', { params: { id: answer } })
      }
      await until('it is accepted', async () => (await orch.task(answer)).state === 'accepted')
    }
    const after = await orch.finished((await orch.submit(repository.path, [order])).id)
    expect(after[0]?.state).toBe('accepted')
  },
)
