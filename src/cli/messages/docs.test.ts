import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MESSAGE_TYPE_NAMES } from '../../api/gist.ts'
import { DEAD_REASONS } from '../../message/delivery.ts'
import { ANSWERS, isRequest, MESSAGE_TYPES, messageSchema, PAYLOADS } from '../../message/message.ts'

const doc = readFileSync(new URL('../../../docs/messages.md', import.meta.url), 'utf8')

test('docs/messages.md has every type as it is described, and no other', () => {
  const rows = MESSAGE_TYPES.map((type) => {
    const answer = isRequest(type) ? `\`${ANSWERS[type]}\` ` : ''
    return `| \`${type}\` | ${PAYLOADS[type].description} | ${answer}|`
  })
  const [, table = ''] = /\| type \| what it is \| answered by \|\n\|[-|]+\n([\s\S]*?)\n\n/.exec(doc) ?? []
  expect(table.split('\n')).toEqual(rows)
  expect(MESSAGE_TYPE_NAMES).toEqual(MESSAGE_TYPES)
})

test('docs/messages.md has every field of the envelope, and every reason', () => {
  for (const field of Object.keys(messageSchema.shape)) expect(doc).toContain(`\`${field}\``)
  for (const reason of DEAD_REASONS) expect(doc).toMatch(new RegExp(`^\\| \`${reason}\` \\|`, 'm'))
})
