import { cp, lstat, mkdir, readlink, symlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { SetupStep } from '../config/schema.ts'
import { OrchError } from '../errors.ts'
import type { Argv } from '../exec.ts'
import { checkInside, pathInside } from './inside.ts'
import { writeSetUp } from './record.ts'

/** Roots of the person's main work tree and of the checkout. */
export interface SetupPlace {
  repo: string
  workspace: string
}

/**
 * Makes a fresh checkout ready to build and test in: copies and links files of the person's work tree into it. Of what
 * is copied, files that the checkout has already are left as they are. May be called again. The paths are noted beside
 * the checkout, so that neither save() nor the agent's git (Workspaces.agentEnv) commits them.
 * @returns the commands that are left to run in the checkout, in order
 * @throws OrchError E_SETUP that names the step
 */
export async function applySetup(steps: readonly SetupStep[], place: SetupPlace): Promise<Argv[]> {
  const commands: Argv[] = []
  const paths: string[] = []
  for (const [index, step] of steps.entries()) {
    try {
      if ('run' in step) commands.push(step.run as Argv)
      else if ('copy' in step) paths.push(await copy(step.copy, place))
      else paths.push(await link(step.link, place))
    } catch (cause) {
      throw setupError(index, step, cause)
    }
  }
  if (paths.length > 0) await writeSetUp(place.workspace, paths)
  return commands
}

/** Links inside of what is copied stay links; one that leads out of the repository would let the agent write there. */
async function copy(asked: string, place: SetupPlace): Promise<string> {
  const { path, source, target } = await locate(asked, place)
  const safe = async (from: string) => {
    if ((await lstat(from)).isSymbolicLink()) await checkInside(place.repo, from)
    return true
  }
  const options = { recursive: true, force: false, preserveTimestamps: true, verbatimSymlinks: true }
  await cp(source, target, { ...options, filter: safe })
  return path
}

async function link(asked: string, place: SetupPlace): Promise<string> {
  const { path, source, target } = await locate(asked, place)
  await checkInside(place.repo, source)
  const there = await lstat(target).catch(() => undefined)
  if (!there) await symlink(source, target)
  else if (!there.isSymbolicLink() || (await readlink(target)) !== source)
    throw new Error('the checkout has it already, because git tracks it')
  return path
}

async function locate(asked: string, { repo, workspace }: SetupPlace) {
  const path = asked
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
  if (path === '') throw new Error('it must name something in the repository')
  const source = await pathInside(repo, path)
  if (!(await lstat(source).catch(() => undefined))) throw new Error(`${repo} has no ${path}`)
  const target = await pathInside(workspace, path)
  await mkdir(dirname(target), { recursive: true })
  return { path, source, target }
}

function setupError(index: number, step: SetupStep, cause: unknown): OrchError {
  const [kind, what] = Object.entries(step)[0] ?? []
  const why = cause instanceof Error ? cause.message : String(cause)
  const code = (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'E_DISK_FULL' : 'E_SETUP'
  return new OrchError(code, `set-up step ${index + 1} (${kind}: ${what}): ${why}`, { cause })
}
