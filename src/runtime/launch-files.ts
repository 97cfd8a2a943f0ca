import { chmod, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError } from '../errors.ts'
import { clearOffers } from './offers.ts'
import type { ProcessTable } from './processes/processes.ts'
import type { LaunchSpec } from './runtime.ts'
import { specScript } from './spec.ts'
import { lockOf, readStatus } from './status.ts'
import { ifThere, writeWhole } from './whole-file.ts'

/** Writes what the shim needs, `spec.sh` last and by rename: once it is there, everything is. */

/** Beside this file in src/ and in dist/ alike. */
const SHIM = new URL('./shim.sh', import.meta.url)

/** Puts the shim into the root, so that the runtimes can name everything by safe relative names. */
export async function installShim(root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const target = join(root, 'shim.sh')
  const shim = await readFile(SHIM)
  if (!(await ifThere(readFile(target)))?.equals(shim)) await writeWhole(target, shim)
}

/** The first process of an attempt. A directory that a shim has taken already is left as it is. */
export async function writeLaunch(directory: string, spec: LaunchSpec): Promise<void> {
  const script = specScript(spec)
  checkFiles(spec)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
  if (await ifThere(lstat(join(directory, lockOf(1))))) return
  await writeInputs(directory, spec)
  if (spec.leaseUntil !== undefined) await writeLease(directory, spec.leaseUntil)
  await writeWhole(join(directory, 'spec.sh'), script)
}

/** Rounded down: an agent may end early, never late. @throws OrchError E_DISK_FULL */
export async function writeLease(directory: string, untilMs: number): Promise<void> {
  await writeWhole(join(directory, 'lease'), `${Math.floor(untilMs / 1_000)}\n`)
}

/**
 * The next process of an attempt. Set-up steps are not run again. A crash before `spec.sh` is replaced leaves the attempt
 * exited, and what was written is written anew; a crash afterwards leaves it ready. @throws OrchError E_STATE, E_INVALID
 */
export async function writeNext(directory: string, spec: LaunchSpec, processes: ProcessTable): Promise<void> {
  checkFiles(spec)
  const { state, turn } = await readStatus(directory, processes)
  if (state !== 'exited')
    throw new OrchError('E_STATE', `${spec.agent} is ${state}: no process of it has ended`)
  const script = specScript({ ...spec, setup: [] }, turn + 1)
  // Nobody holds the old one open any more: a message would be refused instead of waiting for the next shim.
  await rm(join(directory, 'in'), { force: true })
  await rm(join(directory, 'first'), { force: true })
  await clearOffers(directory)
  await writeInputs(directory, spec)
  await writeWhole(join(directory, 'spec.sh'), script)
}

async function writeInputs(directory: string, spec: LaunchSpec): Promise<void> {
  await writeWhole(join(directory, 'prompt.md'), spec.prompt)
  if (spec.firstInput !== undefined) await writeWhole(join(directory, 'first'), spec.firstInput)
  for (const [name, text] of Object.entries(spec.files ?? {})) await writeWhole(join(directory, name), text)
  await writeFile(join(directory, 'log'), '', { mode: 0o600, flag: 'a' })
}

/** Compared in small letters: file systems may. */
const OURS =
  /^(spec\.sh|prompt\.md|first|in|out\.jsonl|err\.log|setup\.log|shim\.log|log|lease|lock(\.\d+)?|sent|session|chain|offer.*|taken.*|started\.json|exit\.json|.*\.new)$/i

/** @throws OrchError E_INVALID for a name that is no plain one, or one of our own. */
function checkFiles({ files = {} }: LaunchSpec): void {
  for (const name of Object.keys(files))
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(name) || OURS.test(name))
      throw new OrchError('E_INVALID', `${JSON.stringify(name)} cannot name a file of an attempt`)
}
