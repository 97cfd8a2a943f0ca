import { OrchError } from '../../errors.ts'
import type { Database } from './database.ts'

/** "Orch" in ASCII: tells our file from any other SQLite file. */
const APPLICATION_ID = 0x4f726368

/**
 * Each entry brings the file from the version of its index to the next, and is never changed once it is released.
 * A record is the JSON of the domain's own type; the columns beside it are what is searched by. What was asked (spec)
 * can be long and never changes, so it has a row of its own that no arrow writes again. How many messages wait in a
 * mailbox stands beside its record: to count them at each send would take longer than to send.
 */
export const MIGRATIONS = [
  `
  CREATE TABLE runs (
    ordinal INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
  ) STRICT;

  CREATE TABLE tasks (
    ordinal INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL REFERENCES runs (id),
    repo TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    host TEXT,
    lease_until INTEGER,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX tasks_queue ON tasks (priority DESC, ordinal, not_before) WHERE state = 'queued';
  CREATE INDEX tasks_due ON tasks (not_before) WHERE state = 'queued';
  CREATE INDEX tasks_leased ON tasks (host, lease_until) WHERE host IS NOT NULL;
  CREATE INDEX tasks_by_state ON tasks (state);
  CREATE INDEX tasks_by_run ON tasks (run_id);
  CREATE INDEX tasks_by_repo ON tasks (repo);

  CREATE TABLE specs (
    ordinal INTEGER PRIMARY KEY REFERENCES tasks (ordinal),
    spec TEXT NOT NULL
  ) STRICT;

  CREATE TABLE attempts (
    task_id TEXT NOT NULL REFERENCES tasks (id),
    epoch INTEGER NOT NULL,
    agent TEXT NOT NULL UNIQUE,
    ended_at INTEGER,
    record TEXT NOT NULL,
    PRIMARY KEY (task_id, epoch)
  ) STRICT;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    run_id TEXT,
    task_id TEXT,
    epoch INTEGER,
    agent TEXT,
    data TEXT
  ) STRICT;
  CREATE INDEX events_by_type ON events (type);
  CREATE INDEX events_by_run ON events (run_id) WHERE run_id IS NOT NULL;
  CREATE INDEX events_by_task ON events (task_id) WHERE task_id IS NOT NULL;

  CREATE TABLE pull_requests (
    repo TEXT NOT NULL,
    number INTEGER NOT NULL,
    head TEXT NOT NULL,
    state TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (repo, number)
  ) STRICT;
  CREATE UNIQUE INDEX pull_requests_open ON pull_requests (repo, head) WHERE state = 'open';
  `,
  `
  ALTER TABLE tasks ADD COLUMN parent TEXT;
  ALTER TABLE tasks ADD COLUMN request_id TEXT;
  CREATE INDEX tasks_by_parent ON tasks (parent) WHERE parent IS NOT NULL;
  CREATE INDEX tasks_by_request ON tasks (request_id) WHERE request_id IS NOT NULL;

  CREATE TABLE mailboxes (
    ordinal INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    run_id TEXT,
    open INTEGER NOT NULL,
    direct INTEGER NOT NULL DEFAULT 0,
    copies INTEGER NOT NULL DEFAULT 0,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX mailboxes_by_run ON mailboxes (run_id) WHERE run_id IS NOT NULL;
  CREATE INDEX mailboxes_open ON mailboxes (ordinal) WHERE open = 1;

  CREATE TABLE messages (
    ordinal INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    mailbox TEXT NOT NULL REFERENCES mailboxes (name),
    sender TEXT NOT NULL,
    run_id TEXT,
    type TEXT NOT NULL,
    correlation_id TEXT,
    copy INTEGER NOT NULL,
    state TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    expires_at INTEGER,
    returns INTEGER NOT NULL,
    not_before INTEGER,
    delivered_at INTEGER,
    acknowledged_at INTEGER,
    answer_id TEXT,
    answer_at INTEGER,
    reason TEXT,
    message TEXT NOT NULL
  ) STRICT;
  CREATE INDEX messages_expiring ON messages (expires_at) WHERE state = 'waiting' AND expires_at IS NOT NULL;
  CREATE INDEX messages_settled ON messages (sent_at, ordinal, state)
    WHERE state IN ('acknowledged', 'dropped');
  CREATE INDEX messages_unanswered ON messages (ordinal)
    WHERE answer_id IS NULL AND type IN ('assistance_request', 'validation_request');
  CREATE INDEX messages_by_state ON messages (state, type);
  CREATE INDEX messages_by_mailbox ON messages (mailbox, state);
  CREATE INDEX messages_by_sender ON messages (sender, state);
  CREATE INDEX messages_by_run ON messages (run_id) WHERE run_id IS NOT NULL;
  CREATE INDEX messages_by_correlation ON messages (correlation_id) WHERE correlation_id IS NOT NULL;
  `,
  `
  CREATE TABLE hosts (
    name TEXT PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE tasks ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE tasks ADD COLUMN needs TEXT NOT NULL DEFAULT '[]';
  UPDATE tasks SET needs = json_array('driver:' || (SELECT spec ->> 'driver' FROM specs s WHERE s.ordinal = tasks.ordinal))
    WHERE (SELECT spec ->> 'driver' FROM specs s WHERE s.ordinal = tasks.ordinal) NOT IN ('command', 'acp');
  DROP INDEX tasks_queue;
  CREATE INDEX tasks_queue ON tasks (priority DESC, ordinal, not_before, needs) WHERE state = 'queued' AND waits = 0;
  DROP INDEX tasks_due;
  CREATE INDEX tasks_due ON tasks (not_before) WHERE state = 'queued' AND waits = 0;
  CREATE TABLE gates (
    after TEXT NOT NULL,
    dependent INTEGER NOT NULL REFERENCES tasks (ordinal) ON DELETE CASCADE,
    PRIMARY KEY (after, dependent)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX gates_of ON gates (dependent);
  `,
]

/**
 * Brings the file to the newest version, one transaction a step.
 * @throws OrchError E_STORE when the file is not Orch's, or was written by a newer Orch.
 */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): void {
  const from = versionOf(db)
  if (from > migrations.length) throw tooNew(db.file, from, migrations.length)
  for (const [index, step] of migrations.entries()) if (index >= from) advance(db, step, index + 1)
}

function advance(db: Database, step: string, version: number): void {
  db.script('BEGIN IMMEDIATE')
  try {
    db.script(`${step}; PRAGMA user_version = ${version}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`)
  } catch (error) {
    if (db.inTransaction) db.script('ROLLBACK')
    throw error
  }
}

/** 0 for an empty file. */
function versionOf(db: Database): number {
  const number = (sql: string) => Object.values(db.one<Record<string, number>>(sql) ?? {})[0] ?? 0
  if (number('PRAGMA application_id') === APPLICATION_ID) return number('PRAGMA user_version')
  if (number('SELECT count(*) FROM sqlite_schema') === 0) return 0
  throw new OrchError('E_STORE', `${db.file} is a database, but not a store of Orch`, {
    fix: 'Set ORCH_STATE_DIR to a directory of its own, or move that file away.',
  })
}

/** @throws OrchError E_STORE when the file is not a store that this Orch can read. */
export function expectStore(db: Database): void {
  const version = versionOf(db)
  if (version === 0) throw new OrchError('E_STORE', `${db.file} is empty: not a store of Orch`)
  if (version > MIGRATIONS.length) throw tooNew(db.file, version, MIGRATIONS.length)
}

function tooNew(file: string, version: number, known: number): OrchError {
  return new OrchError(
    'E_STORE',
    `${file} was written by a newer Orch (version ${version} of the store; this one knows ${known})`,
    { fix: 'Update Orch, or restore a backup that this version made: `orch store restore FILE`.' },
  )
}
