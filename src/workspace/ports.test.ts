import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePorts } from './ports.ts'

test('different ports that can be bound, none of those that are taken', async () => {
  const first = await freePorts(20)
  const more = await freePorts(20, new Set(first))
  expect(new Set([...first, ...more]).size).toBe(40)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(more[0], '127.0.0.1', resolve))
  await new Promise((resolve) => server.close(resolve))
  expect(await freePorts(0)).toEqual([])
})

test('all taken is E_WORKSPACE', async () => {
  const all = new Set(Array.from({ length: 65_536 }, (_, port) => port))
  await expect(freePorts(1, all)).rejects.toMatchObject({ code: 'E_WORKSPACE' })
})
