import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Env, exec } from '../../src/exec.ts'
import { createGit, type Git } from '../../src/git.ts'
import { temporaryDirectory } from './temporary.ts'

/** What a file holds; `{ link }` is a symbolic link. */
export type Files = Record<string, string | Uint8Array | { link: string }>

export interface SampleOptions {
  /** Where to make it; a temporary directory when absent (outside of a test it must be given). */
  directory?: string
  /** Name of the repository's own directory. */
  name?: string
  /** Files of the first commit. */
  files?: Files
  /** Commits in all (the later ones change `history.txt`); 0 leaves HEAD unborn. Default 1. */
  commits?: number
  /** The checked-out branch. Default `main`. */
  branch?: string
  /** Other branches, made at the last commit. */
  branches?: string[]
  /** A bare repository with the same history; `write` and `commit` do not work there. */
  bare?: boolean
  /** Sets a local user.name and user.email. Default true. */
  identity?: boolean
  /** Makes a bare repository beside it, known as `origin`, holding all branches. */
  origin?: boolean
}

export interface SampleRepository {
  path: string
  git: Git
  /** Path of the bare `origin`, when one was asked for. */
  origin?: string
  write(files: Files): Promise<void>
  /** Writes the files, commits everything in the work tree, gives the commit. */
  commit(files: Files, message?: string): Promise<string>
  head(): Promise<string>
}

/** PATH and nothing that a person's own git configuration could change. */
export const sampleEnv: Env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', LANG: 'C.UTF-8' }

export const sampleGit = (directory: string, env: Env = sampleEnv): Git => createGit(exec, env, directory)

/** Files `many/NN/file-N.txt`, for repositories of some size. */
export function manyFiles(count: number): Files {
  const name = (index: number) => `many/${index % 50}/file-${index}.txt`
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [name(index), `file ${index}\n`.repeat(20)]),
  )
}

/** Makes a repository with real git: one commit of a README on `main`, if nothing else is asked for. */
export async function makeRepository(options: SampleOptions = {}): Promise<SampleRepository> {
  const parent = options.directory ?? temporaryDirectory('orch-sample')
  const path = join(parent, options.name ?? 'sample')
  const work = options.bare ? join(parent, '.seed') : path
  await mkdir(work, { recursive: true })
  const sample = at(work)
  await init(sample.git, options.branch ?? 'main')
  if (options.identity !== false) await setIdentity(sample.git)
  await fill(sample, options)
  if (options.bare) await sample.git(['clone', '--quiet', '--bare', '--template=', '.', path])
  if (options.bare && options.identity !== false) await setIdentity(sampleGit(path))
  const result = at(path)
  if (options.origin) result.origin = await addOrigin(result.git, parent)
  return result
}

/** As git does it, without the dozen sample hooks of its template: so many files less in each repository of each test. */
async function init(git: Git, branch: string): Promise<void> {
  await git(['init', '--quiet', '--template=', '--initial-branch', branch])
  await mkdir(join(git.dir, '.git/hooks'))
  await put(join(git.dir, '.git/info/exclude'), '')
}

export async function setIdentity(git: Git): Promise<void> {
  await git(['config', 'user.name', 'Sam Sample'])
  await git(['config', 'user.email', 'sam@example.org'])
}

async function fill(sample: SampleRepository, options: SampleOptions): Promise<void> {
  const commits = options.commits ?? 1
  if (commits > 0) await sample.commit(options.files ?? { 'README.md': '# Sample\n' }, 'Start')
  for (let n = 2; n <= commits; n++) await sample.commit({ 'history.txt': `${n}\n` }, `Change ${n}`)
  for (const branch of options.branches ?? []) await sample.git(['branch', branch])
}

async function addOrigin(git: Git, parent: string): Promise<string> {
  const path = join(parent, 'origin.git')
  await git(['init', '--quiet', '--bare', '--template=', path])
  await git(['remote', 'add', 'origin', path])
  await git(['push', '--quiet', 'origin', '--all'])
  await git.in(path)(['symbolic-ref', 'HEAD', await git(['symbolic-ref', 'HEAD'])])
  await git(['fetch', '--quiet', 'origin'])
  await git.try(['remote', 'set-head', 'origin', '--auto'])
  return path
}

function at(path: string): SampleRepository {
  const git = sampleGit(path)
  const write = async (files: Files) => {
    for (const [name, content] of Object.entries(files)) await put(join(path, name), content)
  }
  const commit = async (files: Files, message = 'Change') => {
    await write(files)
    await git(['add', '--all'])
    const author = ['-c', 'user.name=Sam Sample', '-c', 'user.email=sam@example.org']
    await git([...author, 'commit', '--quiet', '--allow-empty', '--message', message])
    return git(['rev-parse', 'HEAD'])
  }
  return { path, git, write, commit, head: () => git(['rev-parse', 'HEAD']) }
}

async function put(path: string, content: Files[string]): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  if (typeof content === 'object' && 'link' in content) await symlink(content.link, path)
  else await writeFile(path, content)
}
