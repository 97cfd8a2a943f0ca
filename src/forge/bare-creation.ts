import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OrchError } from '../errors.ts'
import { type Git, gitError } from '../git.ts'
import { commitOf, FILE_ONLY, gitOn } from './bare-git.ts'

/**
 * Makes the bare repository beside its place and renames it there, so that a half-made one is never used. Objects are
 * hard links where the file system allows: as fast as a copy of the directory tree, and a `gc` or a deletion of the
 * person's repository takes nothing away (alternates would).
 */
export async function makeBare(git: Git, source: string, path: string): Promise<void> {
  if (existsSync(path)) return
  const home = dirname(path)
  await mkdir(home, { recursive: true, mode: 0o700 })
  for (const name of await readdir(home))
    if (name.startsWith('new-')) await rm(join(home, name), { recursive: true, force: true })
  const fresh = join(home, `new-${process.pid}`)
  await clone(git.in(home), source, fresh)
  if (!(await commitOf(gitOn(git, fresh), 'HEAD'))) await startEmpty(git, source, fresh)
  await configure(gitOn(git, fresh), fresh)
  await rename(fresh, path)
}

async function clone(git: Git, source: string, to: string): Promise<void> {
  // --template= because the person's template may hold hooks; --dissociate because what it borrows may go away
  const how = [
    '--quiet',
    '--bare',
    '--no-reject-shallow',
    '--single-branch',
    '--no-tags',
    '--template=',
    '--upload-pack=git-upload-pack',
  ]
  const options = { env: FILE_ONLY, timeoutMs: 1_800_000 }
  const linked = await git.try(['clone', ...how, '--local', '--dissociate', source, to], options)
  if (linked.code === 0) return
  await rm(to, { recursive: true, force: true })
  // a gc or a commit at the same moment moves files away under the linking clone; symbolic links refuse it
  const args = ['clone', ...how, '--no-local', pathToFileURL(source).href, to]
  const copied = await git.try(args, options)
  if (copied.code === 0) return
  if (/does not appear to be a git repository|does not exist/.test(copied.stderr))
    throw new OrchError('E_NOT_A_REPOSITORY', `${source} is not a git repository`)
  throw gitError(source, args, copied)
}

/** A clone of nothing does not take over how the source hashes. */
async function startEmpty(git: Git, source: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true })
  const format = await git.in(source)(['rev-parse', '--show-object-format'])
  await git(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, to])
}

/**
 * An agent can push here with plain git, so git itself refuses what no agent may do: to delete a branch, to rewrite
 * one, to see or touch our refs. Base branches are closed to pushes by `protect`. An agent that writes into this
 * directory without git is the same user as we are: that is what the proof's comparison of commits is for.
 */
const SETTINGS = `
[core]
	hooksPath = /dev/null
	logAllRefUpdates = true
	fsync = committed,reference
	fsyncMethod = batch
[gc]
	auto = 0
[maintenance]
	auto = false
[receive]
	autogc = false
	denyDeletes = true
	denyNonFastForwards = true
	shallowUpdate = true
	fsckObjects = false
[transfer]
	hideRefs = refs/orch
`

async function configure(git: Git, path: string): Promise<void> {
  await git.try(['config', '--remove-section', 'remote.origin'])
  await appendFile(join(path, 'config'), SETTINGS) // git would need a process a setting
  const seed = await commitOf(git, 'HEAD')
  await git(['symbolic-ref', 'HEAD', 'refs/heads/orch-has-no-head'])
  // branches come from the forge alone
  const heads = await git(['for-each-ref', '--format=delete %(refname)', 'refs/heads'])
  if (heads) await git(['update-ref', '--stdin'], { input: `${heads}\n` })
  // the first fetch needs a ref to see that the history is here already
  if (seed) await git(['update-ref', 'refs/orch/seed', seed])
}
