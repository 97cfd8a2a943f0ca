import { OrchError } from '../../../errors.ts'
import type { Message } from '../../../message/message.ts'
import type { Mailboxes } from '../../mailboxes.ts'
import { MAIL_BASE } from '../lua/mail-base.ts'
import { GET } from '../lua/mail-history.ts'
import { DROP, EDIT, PRUNE } from '../lua/mail-keep.ts'
import type { Scripts } from '../script/script.ts'
import { fieldsOf, type MessageRow, toDelivery } from './rows.ts'

/** What a person does to dead letters, and what is forgotten. */
export function createKeeping({ define }: Scripts): Pick<Mailboxes, 'edit' | 'drop' | 'prune'> {
  const small = { evenWhenFull: true } as const
  const read = define<{ id: string }, MessageRow | undefined>('mailRead', [], GET, small)
  type Editing = { id: string; version: string; now: number; text: string; changed: string; to?: string }
  const replace = define<Editing, boolean>('mailEdit', [MAIL_BASE], EDIT)
  type Dropping = { ids: readonly string[]; now: number }
  const drop = define<Dropping, undefined>('mailDrop', [MAIL_BASE], DROP, small)
  type Pruning = { keep: number; before: number }
  const prune = define<Pruning, number>('mailPrune', [MAIL_BASE], PRUNE, small)

  const existing = async (id: string): Promise<MessageRow> => {
    const row = await read({ id })
    if (!row) throw new OrchError('E_NOT_FOUND', `there is no message ${id}`)
    return row
  }

  return {
    async edit(id, now, { payload, to }) {
      const change: Partial<Message> = {
        ...(payload !== undefined && { payload }),
        ...(to !== undefined && { to }),
      }
      const changed = JSON.stringify(Object.keys(change))
      for (;;) {
        const row = await existing(id)
        const text = JSON.stringify({ ...toDelivery(row).message, ...change })
        const version = fieldsOf(row[0]).v ?? '0'
        const order = { id, version, now, text, changed, ...(to !== undefined && { to }) }
        // Else somebody else has changed it meanwhile.
        if (await replace(order)) return toDelivery(await existing(id))
      }
    },
    async drop(ids, now) {
      if (ids.length > 0) await drop({ ids, now })
    },
    async prune(bounds) {
      for (let sum = 0; ; ) {
        const done = await prune(bounds)
        if (done === 0) return sum
        sum += done
      }
    },
  }
}
