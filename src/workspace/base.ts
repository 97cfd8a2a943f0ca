import { OrchError } from '../errors.ts'
import type { Git } from '../git.ts'

/** Where work starts: a branch, and its commit. */
export interface Base {
  branch: string
  commit: string
}

const USUAL = ['main', 'master', 'trunk']

/**
 * Finds the branch that work starts from: `wanted`; else the main branch of origin, `main`, `master`, `trunk`, the one
 * that is checked out, the only one. A branch that only origin has counts too; a local one is preferred.
 * @param repo a directory of the repository
 * @throws OrchError E_NO_BASE that names the branches there are, and near ones of `wanted`
 */
export async function findBase(git: Git, repo: string, wanted?: string): Promise<Base> {
  const inside = git.in(repo)
  const branches = await readBranches(inside)
  const found = wanted === undefined ? await usual(inside, branches) : asked(branches, wanted)
  const commit = found === undefined ? undefined : branches.get(found)
  if (found !== undefined && commit !== undefined) return { branch: found, commit }
  throw noBase(repo, [...branches.keys()], wanted)
}

/** Branches by name with their commits; what only origin has is named as it would be here. */
async function readBranches(git: Git): Promise<Map<string, string>> {
  const text = await git([
    'for-each-ref',
    '--format=%(refname) %(objectname)',
    'refs/remotes/origin',
    'refs/heads',
  ])
  const lines = text.split('\n').map((line) => line.split(' ') as [string, string])
  const named = lines.map(
    ([ref, commit]) => [ref.replace(/^refs\/(remotes\/origin|heads)\//, ''), commit] as const,
  )
  return new Map(named.filter(([name]) => name !== '' && name !== 'HEAD'))
}

function asked(branches: ReadonlyMap<string, string>, wanted: string): string | undefined {
  return [wanted, wanted.replace(/^origin\//, '')].find((name) => branches.has(name))
}

async function usual(git: Git, branches: ReadonlyMap<string, string>): Promise<string | undefined> {
  const remote = await git.try(['symbolic-ref', '--quiet', 'refs/remotes/origin/HEAD'])
  const head = await git.try(['symbolic-ref', '--quiet', '--short', 'HEAD'])
  const candidates = [
    remote.stdout.trim().replace('refs/remotes/origin/', ''),
    ...USUAL,
    head.stdout.trim(),
    ...(branches.size === 1 ? branches.keys() : []),
  ]
  return candidates.find((name) => branches.has(name))
}

function noBase(repo: string, names: string[], wanted: string | undefined): OrchError {
  const shown = names.length > 20 ? [...names.slice(0, 20), '…'] : names
  const there = names.length > 0 ? `there are ${shown.join(', ')}` : 'there is no branch'
  const near = wanted === undefined ? [] : names.filter((name) => isNear(wanted, name)).slice(0, 3)
  const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : `; ${there}`
  const what = wanted === undefined ? 'no main branch was found' : `there is no branch ${wanted}`
  return new OrchError('E_NO_BASE', `${what} in ${repo}${hint}`, { details: { branches: shown, near } })
}

function isNear(wanted: string, name: string): boolean {
  const [a, b] = [wanted.toLowerCase(), name.toLowerCase()]
  if (a === '' || a.length > 200) return false
  return b.includes(a) || a.includes(b) || distance(a, b) <= Math.max(1, Math.floor(a.length / 3))
}

/** Edits (insert, delete, replace) that lead from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, right] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (left === right ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
