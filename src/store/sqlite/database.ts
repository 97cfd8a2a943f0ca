import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { OrchError } from '../../errors.ts'
import { storeError } from './failure.ts'

/** One connection with its prepared statements. Everything it throws is an OrchError. */
export interface Database {
  readonly file: string
  one<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[]
  /** Row by row, for tables that may be too large for memory. */
  each<Row>(sql: string, ...values: SQLInputValue[]): Iterable<Row>
  /** Gives the rowid of the row that was inserted last. */
  run(sql: string, ...values: SQLInputValue[]): number
  /** Gives how many rows were changed. */
  change(sql: string, ...values: SQLInputValue[]): number
  /** Runs several statements that have no values. */
  script(sql: string): void
  /** False when the engine itself has rolled the transaction back (disk full, I/O error). */
  readonly inTransaction: boolean
  copyTo(file: string): Promise<void>
  close(): void
}

/** Before 3.51.3 a write-ahead log that is reset by two connections at once can corrupt the file. */
const OLDEST_SQLITE = [3, 51, 3]

/**
 * Opens (or makes, 0600, in a 0700 directory) the file and takes it for this process alone; the kernel gives the
 * lock back when the process ends, however it ends.
 * @throws OrchError E_STORE_LOCKED at once when another store is open on it, E_STATE_DIR, E_DISK_FULL,
 *   E_STORE (not a database, damaged, or an SQLite that is too old).
 */
export function openDatabase(file: string): Database {
  makeFile(file)
  return withConnection(file, (connection) => {
    connection.exec('PRAGMA locking_mode = EXCLUSIVE')
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE; COMMIT')
    connection.exec(
      'PRAGMA cache_size = -8000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16777216',
    )
    checkVersion(connection)
  })
}

/**
 * Takes the file for this process alone in a way that leaves one complete file and nothing beside it, so that it
 * can be renamed while the lock is held.
 */
export function openForReplacement(file: string): Database {
  return withConnection(file, (connection) =>
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; COMMIT'),
  )
}

function withConnection(file: string, prepare: (connection: DatabaseSync) => void): Database {
  let connection: DatabaseSync | undefined
  try {
    connection = new DatabaseSync(file, { timeout: 0 })
    prepare(connection)
    return wrap(connection, file)
  } catch (error) {
    connection?.close()
    throw storeError(error, file)
  }
}

/**
 * The file is never opened here when it exists: closing any descriptor of it would drop the POSIX locks that
 * another connection of this very process holds.
 */
function makeFile(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    if (existsSync(file)) chmodSync(file, 0o600)
    else closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(file)) return // another was faster
    throw storeError(error, file)
  }
}

function checkVersion(connection: DatabaseSync): void {
  const { version } = connection.prepare('SELECT sqlite_version() AS version').get() as { version: string }
  const parts = version.split('.').map(Number)
  const differs = OLDEST_SQLITE.findIndex((part, index) => part !== parts[index])
  if (differs < 0 || (parts[differs] ?? 0) > (OLDEST_SQLITE[differs] ?? 0)) return
  throw new OrchError('E_STORE', `SQLite ${version} can lose data; ${OLDEST_SQLITE.join('.')} is needed`, {
    fix: 'Run Orch with its own Node, or with Node 24.21 or newer.',
  })
}

/** About a second. */
const MOST_STARTS = 200

/** A copy whose first step meets a transaction of this very connection fails with the code of no error (Node 24): begun again. */
async function copyOut(connection: DatabaseSync, target: string): Promise<void> {
  for (let start = 1; ; start++) {
    try {
      return void (await backup(connection, target, { rate: 500 }))
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== 0 || start === MOST_STARTS) throw error
      await sleep(5)
    }
  }
}

function wrap(connection: DatabaseSync, file: string): Database {
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known) return known
    const statement = connection.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw storeError(error, file)
    }
  }
  return {
    file,
    one: <Row>(sql: string, ...values: SQLInputValue[]) =>
      attempt(() => prepare(sql).get(...values) as Row | undefined),
    all: <Row>(sql: string, ...values: SQLInputValue[]) =>
      attempt(() => prepare(sql).all(...values) as Row[]),
    each: <Row>(sql: string, ...values: SQLInputValue[]) =>
      attempt(() => connection.prepare(sql).iterate(...values) as Iterable<Row>),
    run: (sql, ...values) => attempt(() => Number(prepare(sql).run(...values).lastInsertRowid)),
    change: (sql, ...values) => attempt(() => Number(prepare(sql).run(...values).changes)),
    script: (sql) => attempt(() => connection.exec(sql)),
    get inTransaction() {
      return connection.isTransaction
    },
    copyTo: async (target) => {
      await copyOut(connection, target).catch((error) => {
        throw storeError(error, target)
      })
    },
    close: () => connection.isOpen && connection.close(),
  }
}
