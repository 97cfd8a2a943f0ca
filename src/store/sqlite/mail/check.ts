import { DELIVERY_STATES } from '../../../message/delivery.ts'
import { FINAL_STATES } from '../../../task/task.ts'

const listed = (words: readonly string[]) => words.map((word) => `'${word}'`).join(', ')

/** Each finds rows of `mailboxes` and `messages` that should not be; its first column is what to name. */
export const MAIL_QUERIES: [what: string, sql: string][] = [
  [
    'mailbox %: the record is not readable, or not of that mailbox',
    `SELECT name FROM mailboxes WHERE NOT json_valid(record) OR record ->> 'name' IS NOT name
      OR record ->> 'runId' IS NOT run_id OR record ->> 'open' IS NOT open OR record ->> 'capacity' IS NULL`,
  ],
  [
    'mailbox %: it is open, but its task is over',
    `SELECT b.name FROM mailboxes b JOIN tasks t ON t.id = b.name
      WHERE b.open = 1 AND t.state IN (${listed(FINAL_STATES)})`,
  ],
  [
    'mailbox %: the number of messages that wait there is not the one that is noted',
    `SELECT b.name FROM mailboxes b LEFT JOIN (
        SELECT mailbox, sum(copy = 0) AS direct, sum(copy = 1) AS copies FROM messages WHERE state = 'waiting' GROUP BY mailbox
      ) m ON m.mailbox = b.name
      WHERE b.direct <> coalesce(m.direct, 0) OR b.copies <> coalesce(m.copies, 0)`,
  ],
  [
    'message %: it waits in a mailbox that is closed',
    `SELECT m.id FROM messages m JOIN mailboxes b ON b.name = m.mailbox WHERE m.state = 'waiting' AND b.open = 0`,
  ],
  ['message %: unknown state', `SELECT id FROM messages WHERE state NOT IN (${listed(DELIVERY_STATES)})`],
  [
    'message %: it is not readable, or not the one that its row says',
    `SELECT id FROM messages WHERE NOT json_valid(message) OR message ->> 'id' IS NOT id OR message ->> 'to' IS NOT mailbox
      OR message ->> 'from' IS NOT sender OR message ->> 'type' IS NOT type
      OR message ->> 'correlationId' IS NOT correlation_id OR (message ->> 'audience' IS NOT NULL) <> copy
      OR (message ->> 'expiresAt' IS NULL) <> (expires_at IS NULL)`,
  ],
  [
    'message %: it is dead without a reason',
    `SELECT id FROM messages WHERE state = 'dead' AND (reason IS NULL OR NOT json_valid(reason) OR reason ->> 'code' IS NULL)`,
  ],
  [
    'message %: it is acknowledged without a time, or has a time without being acknowledged',
    `SELECT id FROM messages WHERE (state = 'acknowledged') <> (acknowledged_at IS NOT NULL)`,
  ],
  [
    'message %: the journal does not say that it was sent at its place in the order',
    `SELECT id FROM messages m
      WHERE m.ordinal > coalesce((SELECT max(data ->> 'upTo') FROM events WHERE type = 'store.pruned'), 0)
      AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = m.ordinal
      AND e.type IN ('message.sent', 'message.redriven') AND json_valid(e.data) AND e.data ->> 'id' = m.id)`,
  ],
  [
    'message %: it waits, but a later one of the same sender was acknowledged',
    `WITH last AS (
      SELECT mailbox, sender, max(ordinal) AS ordinal, max(acknowledged_at) AS at FROM messages
      WHERE state = 'acknowledged' GROUP BY mailbox, sender)
    SELECT m.id FROM messages m JOIN last USING (mailbox, sender)
      WHERE m.state = 'waiting' AND m.ordinal < last.ordinal AND (m.expires_at IS NULL OR m.expires_at > last.at)`,
  ],
]
