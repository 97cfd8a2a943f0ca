import { constants } from 'node:fs'
import { access, lstat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Paths } from '../../config/paths.ts'
import type { Finding } from './finding.ts'

/** What doctor looks at besides programs. */

const NODE = 24
const LONGEST_SOCKET = 99
const LITTLE_BYTES = 1e9
const TOO_LITTLE_BYTES = 100e6

export function examineNode(version: string): Finding {
  const found = `version ${version}, ${process.execPath}`
  if (Number.parseInt(version, 10) >= NODE) return { name: 'node', state: 'ok', found }
  return { name: 'node', state: 'fail', found, fix: `Install Node ${NODE} or newer: https://nodejs.org` }
}

/** Who may use the state directory, whether it can be written, how much room is left, how long its path is. */
export async function examineState(paths: Paths): Promise<Finding[]> {
  const name = 'state directory'
  const place = await existing(paths.state)
  const faults = [await accessFault(place, place === paths.state), lengthFault(paths)].filter(
    (it) => it !== undefined,
  )
  const [fault] = faults
  if (fault) return [{ name, state: 'fail', ...fault }]
  const made = place === paths.state ? '' : ' (not made yet)'
  return [{ name, state: 'ok', found: `${paths.state}${made}` }, await examineSpace(place)]
}

type Fault = Pick<Finding, 'found' | 'fix'>

/** The directory itself, or the nearest one above that is there. */
async function existing(path: string): Promise<string> {
  if (await lstat(path).catch(() => undefined)) return path
  return dirname(path) === path ? path : await existing(dirname(path))
}

async function accessFault(place: string, isState: boolean): Promise<Fault | undefined> {
  const elsewhere = 'Set ORCH_STATE_DIR to a directory of your own.'
  const stat = await lstat(place)
  if (!stat.isDirectory()) return { found: `${place} is no directory`, fix: elsewhere }
  const writable = await access(place, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!writable) return { found: `${place} cannot be written to`, fix: elsewhere }
  if (!isState) return undefined
  if (process.getuid && stat.uid !== process.getuid())
    return { found: `${place} belongs to another user (uid ${stat.uid})`, fix: elsewhere }
  if (stat.mode & 0o077)
    return { found: `${place} is open to others`, fix: `chmod 700 ${JSON.stringify(place)}` }
  return undefined
}

function lengthFault({ socket }: Paths): Fault | undefined {
  const bytes = Buffer.byteLength(socket)
  if (bytes <= LONGEST_SOCKET) return undefined
  return {
    found: `the path of the socket has ${bytes} bytes, at most ${LONGEST_SOCKET} are possible: ${socket}`,
    fix: 'Set ORCH_STATE_DIR to a shorter path of your own.',
  }
}

async function examineSpace(place: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(place)
  const free = bavail * bsize
  const found = `${(free / 1e9).toFixed(1)} GB free`
  const state = free < TOO_LITTLE_BYTES ? 'fail' : free < LITTLE_BYTES ? 'warn' : 'ok'
  const fix =
    state === 'ok' ? {} : { fix: 'Free some space; orch cleanup removes what ended tasks left behind.' }
  return { name: 'disk', state, found, ...fix }
}
