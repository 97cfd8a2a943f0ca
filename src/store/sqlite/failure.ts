import { type ErrorCode, OrchError } from '../../errors.ts'

/** SQLite's result codes (sqlite.org/rescode.html) in the words of the catalogue; what is not listed is E_STORE. */
const CODES: Record<number, ErrorCode> = {
  3: 'E_STATE_DIR', // SQLITE_PERM
  5: 'E_STORE_LOCKED', // SQLITE_BUSY
  6: 'E_STORE_LOCKED', // SQLITE_LOCKED
  8: 'E_STATE_DIR', // SQLITE_READONLY
  13: 'E_DISK_FULL', // SQLITE_FULL
  14: 'E_STATE_DIR', // SQLITE_CANTOPEN
  19: 'E_STATE', // SQLITE_CONSTRAINT: an id or a name that is taken
}
const SYSTEM_CODES: Record<string, ErrorCode> = {
  ENOSPC: 'E_DISK_FULL',
  EDQUOT: 'E_DISK_FULL',
  EACCES: 'E_STATE_DIR',
  EEXIST: 'E_STATE_DIR',
  ENOENT: 'E_INVALID',
  EPERM: 'E_STATE_DIR',
  EROFS: 'E_STATE_DIR',
  ENOTDIR: 'E_STATE_DIR',
}

/** Whatever the engine or the file system threw as an OrchError that says which file it is about. */
export function storeError(error: unknown, file: string): OrchError {
  if (error instanceof OrchError) return error
  const { code, errcode, message } = error as { code?: string; errcode?: number; message?: string }
  if (code === 'ERR_INVALID_STATE') return new OrchError('E_STORE', 'the store is closed', { cause: error })
  const known = errcode === undefined ? SYSTEM_CODES[code ?? ''] : CODES[errcode & 0xff]
  const what = known === 'E_STORE_LOCKED' ? 'is in use by another process' : (message ?? String(error))
  return new OrchError(known ?? 'E_STORE', `${file}: ${what}`, { cause: error })
}
