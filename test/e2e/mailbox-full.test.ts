import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OrchError } from '../../src/errors.ts'
import { type Orch, startOrch } from '../support/orch.ts'

/** A receiver that is slower than its senders: they are told so, and go on when it has read. */
const CAPACITY = 20
const SENDERS = 10
const EACH = 20

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_MAILBOX_SIZE: String(CAPACITY) })
})
afterAll(() => orch.close())

const open = (name: string) => orch.client.call('openMailbox', { body: { name, reader: 'test' } })

async function write(from: string): Promise<number> {
  let refused = 0
  for (let count = 0; count < EACH; ) {
    const payload = { text: String(count) }
    try {
      const body = { id: `${from}-${count}-letter`, from, to: 'slow', type: 'warning', payload }
      await orch.client.call('sendMessage', { body })
      count++
    } catch (error) {
      expect((error as OrchError).toBody()).toMatchObject({
        code: 'E_MAILBOX_FULL',
        details: { mailbox: 'slow', waiting: CAPACITY, capacity: CAPACITY },
      })
      refused++
      await sleep(10)
    }
  }
  return refused
}

it('refuses what a full mailbox cannot take, and takes it again as soon as there is room', async () => {
  const senders = Array.from({ length: SENDERS }, (_, sender) => `sender-${sender}`)
  for (const name of ['slow', 'other', ...senders]) await open(name)
  const written = Promise.all(senders.map(write))
  written.catch(() => {}) // seen below

  const read = new Map<string, string[]>()
  for (let acknowledge: string[] = [], count = 0; count < SENDERS * EACH; ) {
    const body = { reader: 'test', acknowledge, limit: 5, waitMs: 5_000 }
    const { messages } = await orch.client.call('receive', { params: { name: 'slow' }, body })
    for (const { message } of messages)
      read.set(message.from, [...(read.get(message.from) ?? []), String(message.payload.text)])
    acknowledge = messages.map(({ message }) => message.id)
    count += messages.length
    // Nobody else is held up.
    const id = `meanwhile-${count}`
    const order = { from: 'sender-0', type: 'warning', payload: { text: 'x' } }
    if (count < CAPACITY) await orch.client.call('sendMessage', { body: { ...order, id, to: 'other' } })
  }
  expect((await written).reduce((sum, refused) => sum + refused)).toBeGreaterThan(0)
  const inOrder = Array.from({ length: EACH }, (_, count) => String(count))
  expect([...read.keys()].sort()).toEqual(senders)
  for (const texts of read.values()) expect(texts).toEqual(inOrder)
})
