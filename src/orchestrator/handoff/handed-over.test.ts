import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../../../test/support/orch.ts'
import { beginWith, ended, order, realParts } from '../../../test/support/parts.ts'
import { makeRepository } from '../../../test/support/repository.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { handOver } from './hand-over.ts'
import { workerOn } from './history.ts'

const SCRIPT = `
if [ "$ORCH_PROFILE" != general ]; then echo rest >rest.txt; exit 0; fi
if [ -e "$0/go" ]; then cp "$ORCH_PROMPT_FILE" "$0/second"; exit 0; fi
echo work >work.txt; git add work.txt; git commit --quiet -m Work
: >"$0/ready"; until [ -e "$0/go" ]; do sleep 0.05; done
exit 3`

test('an attempt that failed after it had handed over leaves nothing to do', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const meet = temporaryDirectory('orch-meet')
  const task = await order(await beginWith(parts), path, '', { argv: ['sh', '-c', SCRIPT, meet], tries: 2 })
  await until('its work is committed', () => existsSync(join(meet, 'ready')))
  const handed = await handOver(parts, await workerOn(parts, task.id), {
    goal: 'Do the rest',
    profile: 'worker',
    urgency: 'normal',
  })
  writeFileSync(join(meet, 'go'), '')
  expect(await ended(parts, task)).toMatchObject({
    state: 'accepted',
    epoch: 2,
    proof: { handedTo: [handed.task.id] },
  })
  expect(readFileSync(join(meet, 'second'), 'utf8')).toContain(`- ${handed.task.id} (Do the rest)`)
  expect(await ended(parts, handed.task)).toMatchObject({
    state: 'accepted',
    proof: { filesChanged: ['rest.txt', 'work.txt'] },
  })
  expect(await parts.forges.local.list(path)).toHaveLength(1)
})
