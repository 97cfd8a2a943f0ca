import { expect, it } from 'vitest'
import { faultsOf, type MailHistory, type Sight } from './mail-history.ts'

const letter = (id: string, from = 'a', to = 'r') => ({ id, from, to })
const received = (...ids: string[]): Sight => ({ reader: 'r', what: 'received', ids })
const acknowledged = (...ids: string[]): Sight => ({ reader: 'r', what: 'acknowledged', ids })
const sentThen = (...read: string[]) => [
  ...['a1', 'a2', 'b1'].map((id) => ({ type: 'message.sent', id })),
  ...read.map((id) => ({ type: 'message.read', id })),
]

/** Two from a, one from b; all is well, after a2 came twice. */
const well: MailHistory = {
  sent: [letter('a1'), letter('a2'), letter('b1', 'b')],
  seen: [received('a1', 'a2'), acknowledged('a1'), received('b1', 'a2'), acknowledged('b1', 'a2')],
  journal: sentThen('a1', 'b1', 'a2'),
}

it('finds nothing where messages come again before they were acknowledged, and pairs mix', () => {
  expect(faultsOf(well)).toEqual([])
})

it.each<[string, Partial<MailHistory>, string[]]>([
  ['lost', { seen: [received('a1', 'a2'), acknowledged('a1', 'a2')] }, ['b1 never came']],
  [
    'never acknowledged',
    { seen: [received('a1', 'a2', 'b1'), acknowledged('a1', 'b1')] },
    ['a2 was never acknowledged'],
  ],
  [
    'again after its acknowledgement',
    { seen: [...well.seen, received('a2')] },
    ['a2 came again after it was acknowledged'],
  ],
  [
    'too early',
    { seen: [received('a2'), received('a1', 'a2', 'b1'), acknowledged('a1', 'a2', 'b1')] },
    ['a2 came before an earlier one from a to r'],
  ],
  [
    'turned round when it came again',
    { seen: [received('a1', 'a2'), received('a2', 'a1', 'b1'), acknowledged('a1', 'a2', 'b1')] },
    ['a1 came behind a later one from a to r'],
  ],
  [
    'to the wrong reader',
    { seen: [...well.seen, { reader: 'other', what: 'received', ids: ['b1'] }] },
    ['b1 came to other and was not for it'],
  ],
  [
    'sent twice',
    { journal: [{ type: 'message.sent', id: 'a1' }, ...sentThen('a1', 'b1', 'a2')] },
    ['a1 has 2 events message.sent'],
  ],
  ['not read, says the journal', { journal: sentThen('a1', 'b1') }, ['a2 has 0 events message.read']],
  [
    'read in another order',
    { journal: sentThen('a2', 'a1', 'b1') },
    ['message.read from a to r is out of order in the journal'],
  ],
  [
    'read before it was sent',
    { journal: [{ type: 'message.read', id: 'a1' }, ...sentThen('a2', 'b1')] },
    ['a1 was read before it was sent'],
  ],
  ['dead', { journal: [...well.journal, { type: 'message.dead', id: 'a2' }] }, ['message.dead of a2']],
  [
    'unknown',
    { journal: [...well.journal, { type: 'message.sent', id: 'x' }] },
    ['nobody sent x, of which the journal tells message.sent'],
  ],
])('finds a message that is %s', (_, change, faults) => {
  expect(faultsOf({ ...well, ...change })).toEqual(faults)
})
