import { expect, it } from 'vitest'
import type { Scripts } from './script.ts'
import { defineTogether } from './together.ts'

/** What a script of several calls is asked, and what it answers. */
function scriptsWith(answer: (inputs: unknown[]) => Promise<unknown>) {
  const asked: unknown[][] = []
  const define = () => async (inputs: unknown[]) => {
    asked.push(inputs)
    return await answer(inputs)
  }
  return { asked, scripts: { define } as unknown as Scripts }
}

it('sends what is asked in one moment together, in its order, and gives each its own answer', async () => {
  const { asked, scripts } = scriptsWith(async (inputs) => inputs.map((it) => (it === 2 ? null : it)))
  const ask = defineTogether<number, number | undefined>(scripts, 'ask', [], '')
  expect(await Promise.all([ask(1), ask(2), ask(3)])).toEqual([1, undefined, 3])
  // Whoever goes on because of these answers is of one moment again.
  await Promise.all([ask(4).then(() => ask(6)), ask(5).then(() => ask(7))])
  expect(asked).toEqual([
    [1, 2, 3],
    [4, 5],
    [6, 7],
  ])
})

it('refuses one without the others, and all when Redis does not answer', async () => {
  const { scripts } = scriptsWith(async (inputs) => {
    if (inputs.includes('down')) throw new Error('gone')
    return inputs.map((it) => (it === 'bad' ? { refused: 'ORCH E_STATE not now' } : it))
  })
  const ask = defineTogether<string, string>(scripts, 'ask', [], '')
  expect(await Promise.allSettled([ask('good'), ask('bad')])).toMatchObject([
    { value: 'good' },
    { reason: { code: 'E_STATE', message: 'not now' } },
  ])
  const [good, down] = await Promise.allSettled([ask('good'), ask('down')])
  expect([good.status, down.status]).toEqual(['rejected', 'rejected'])
})

it('makes no script longer than 64 calls', async () => {
  const { asked, scripts } = scriptsWith(async (inputs) => inputs)
  const ask = defineTogether<number, number>(scripts, 'ask', [], '')
  const all = Array.from({ length: 150 }, (_, n) => n)
  expect(await Promise.all(all.map(ask))).toEqual(all)
  expect(asked.map(({ length }) => length)).toEqual([64, 64, 22])
})
