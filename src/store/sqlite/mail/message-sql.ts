/** What the table `messages` is asked, and how it is written. Each walk has its index. */

const FACTS =
  'ordinal, id, mailbox, sender, run_id, copy, state, expires_at, returns, not_before, delivered_at'
export const COUNT = 'UPDATE mailboxes SET direct = direct + ?, copies = copies + ? WHERE name = ?'
export const INSERT = `INSERT INTO messages (ordinal, id, mailbox, sender, run_id, type, correlation_id, copy, state, sent_at,
  expires_at, returns, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?, 0, ?)`
/**
 * Left alone, SQLite walks all that wait anywhere. A limit that is nothing but a parameter would have the statement prepared
 * anew each time (0.02 ms against 0.003): SQLite plans for its value.
 */
export const WAITING = `SELECT ${FACTS} FROM messages INDEXED BY messages_by_mailbox
  WHERE mailbox = ? AND state = 'waiting' AND ordinal > ?
  ORDER BY ordinal LIMIT ? + 0`
export const EXPIRED = `SELECT ${FACTS} FROM messages INDEXED BY messages_expiring
  WHERE state = 'waiting' AND expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?`
export const NOTE_ANSWER = `UPDATE messages SET answer_id = ?, answer_at = ?
  WHERE correlation_id = ? AND +type = ? AND +sender = ? AND answer_id IS NULL`
export const ASKED_OF = 'AND +mailbox = ?'
export const UNREACHED = `AND (+state IN ('dead', 'dropped') OR expires_at <= ?
  OR EXISTS (SELECT 1 FROM mailboxes b WHERE b.name = messages.mailbox AND b.open = 0))`
/** The oldest are those that were sent first, also when they were sent again since. */
export const FORGET = `DELETE FROM messages WHERE ordinal IN (
  SELECT ordinal FROM messages INDEXED BY messages_settled WHERE state IN ('acknowledged', 'dropped') AND sent_at < ?
  LIMIT ?)`
export const FORGET_BEYOND = `DELETE FROM messages WHERE ordinal IN (
  SELECT ordinal FROM messages INDEXED BY messages_settled WHERE state IN ('acknowledged', 'dropped')
  ORDER BY sent_at DESC, ordinal DESC LIMIT ? OFFSET ?)`

export const COUNTS = 'SELECT state, type, count(*) AS messages FROM messages GROUP BY state, type'
