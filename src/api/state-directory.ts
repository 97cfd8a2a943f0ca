import { constants } from 'node:fs'
import { access, chmod, lstat, mkdir, readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Paths } from '../config/paths.ts'
import { OrchError } from '../errors.ts'

/** The state directory is the door of the Unix socket: who can reach into it is let in. So it is ours alone, or we stop. */

/** One byte less than what the smallest system (macOS) takes with the closing NUL. */
const LONGEST_SOCKET = 99

/**
 * Makes the state directory and the one of the socket (0700) where they are not there, and checks them where they are:
 * a directory, no link, ours, closed to others, writable. `uid` is who we are.
 * @throws OrchError E_STATE_DIR that says what to do, E_DISK_FULL.
 */
export async function prepareStateDirectory(paths: Paths, uid = process.getuid?.()): Promise<void> {
  const bytes = Buffer.byteLength(paths.socket)
  if (bytes > LONGEST_SOCKET) {
    throw new OrchError(
      'E_STATE_DIR',
      `the path of the socket has ${bytes} bytes, a Unix socket can have ${LONGEST_SOCKET}: ${paths.socket}`,
      { fix: 'Set ORCH_STATE_DIR to a shorter path of your own.' },
    )
  }
  for (const directory of [paths.state, dirname(paths.socket)]) {
    await make(directory)
    await verify(directory, uid)
  }
}

async function make(directory: string): Promise<void> {
  try {
    await makeWithParents(directory)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOSPC')
      throw new OrchError('E_DISK_FULL', `cannot make ${directory}: ${message}`, { cause })
    throw fault(directory, `cannot be made (${code})`, { cause })
  }
}

/** Not mkdir's own `recursive`: where nothing can be made (/proc) that one never returns. */
async function makeWithParents(directory: string): Promise<void> {
  const make = () =>
    mkdir(directory, { mode: 0o700 }).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  const parent = dirname(directory)
  await make().catch(async (error) => {
    if (error.code !== 'ENOENT' || parent === directory) throw error
    await makeWithParents(parent)
    await make()
  })
}

async function verify(directory: string, uid: number | undefined): Promise<void> {
  const stat = await lstat(directory)
  if (stat.isSymbolicLink())
    throw fault(directory, 'is a symbolic link', { fix: `Set ORCH_STATE_DIR to where it points.` })
  if (!stat.isDirectory()) throw fault(directory, 'is not a directory')
  if (uid !== undefined && stat.uid !== uid)
    throw fault(directory, `belongs to another user (uid ${stat.uid})`)
  await access(directory, constants.W_OK | constants.X_OK).catch((cause) => {
    throw fault(directory, `cannot be written to (${cause.code})`, { cause })
  })
  if ((stat.mode & 0o077) !== 0) await closeToOthers(directory)
}

/** A directory that was just made for us by hand is closed; one that holds something may be no state directory at all. */
async function closeToOthers(directory: string): Promise<void> {
  if ((await readdir(directory)).length > 0)
    throw fault(directory, 'is open to others', { fix: `chmod 700 ${JSON.stringify(directory)}` })
  await chmod(directory, 0o700)
}

function fault(directory: string, what: string, options: { fix?: string; cause?: unknown } = {}): OrchError {
  return new OrchError('E_STATE_DIR', `${directory} ${what}`, options)
}
