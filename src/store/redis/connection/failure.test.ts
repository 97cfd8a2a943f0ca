import { expect, test } from 'vitest'
import { storeError } from './failure.ts'

test.each([
  ["Stream isn't writeable and enableOfflineQueue options is false", 'there is no connection now'],
  ['Command timed out', 'no answer in time'],
  ['Reached the max retries per request limit (which is 0).', 'the connection was lost'],
  ['All sentinels are unreachable. Retrying from scratch after 10ms.', 'no Sentinel answers'],
])('%s is told in words for people', (said, told) => {
  const error = storeError(new Error(said))
  expect(error).toMatchObject({ code: 'E_STORE_DOWN', message: `Redis cannot be reached: ${told}` })
})

test('what a script refuses keeps its code and its words', () => {
  const text = `ORCH E_STALE attempt 1 of t-1 is over script: ${'0a'.repeat(20)}, on @user_script:3.`
  expect(storeError(new Error(text))).toMatchObject({ code: 'E_STALE', message: 'attempt 1 of t-1 is over' })
})
