import type { Clock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import type { Git } from '../../git.ts'
import type { Log } from '../../log.ts'
import type { Bare, BareRepository } from '../bare.ts'
import type { CommitCarrier, Forge, Publisher, PullRequest } from '../forge.ts'
import { pushEnvironment } from './agent-env.ts'
import { followBase, headRef } from './base.ts'
import { giveHead, isFromElsewhere } from './elsewhere.ts'
import { mergePullRequest } from './merge.ts'
import { checksOfHead, toPullRequest } from './pull-request.ts'
import type { PullRecord, PullRequestRecords } from './records.ts'

export interface LocalForgeOptions {
  bare: Bare
  git: Git
  records: PullRequestRecords
  clock: Clock
  log: Log
  /** Where several hosts share the records: a host's bare repository may be behind them. */
  commits?: CommitCarrier | undefined
}

/** The embedded forge: pull requests in the store, over the daemon's bare repository. */
export function createLocalForge(deps: LocalForgeOptions): Forge {
  const { records, clock } = deps
  const open = (repo: string) => deps.bare.open(repo)
  const fresh = (bare: BareRepository, number: number, by?: Publisher) => freshRecord(deps, bare, number, by)
  /** Answers that have not begun to be looked for: twenty tasks that start at once ask once. */
  const waiting = new Map<string, Promise<string>>()
  const follow = (key: string, bare: BareRepository, branch: string) => {
    waiting.delete(key)
    return followBase(deps, bare, branch)
  }

  return {
    name: 'local',
    agentEnv: async (repo) => pushEnvironment((await open(repo)).path),
    async base(repo, branch) {
      const bare = await open(repo)
      const key = `${bare.id} ${branch}`
      const asked = waiting.get(key) ?? bare.alone(() => follow(key, bare, branch))
      waiting.set(key, asked)
      return asked
    },
    head: async (repo, branch) => (await open(repo)).commit(headRef(branch)),
    async push(repo, branch, by) {
      const bare = await open(repo)
      await by?.check()
      const commit = await bare.alone(() => pushBranch(bare, branch))
      if (deps.commits) await tellOthers(deps, bare, { branch, commit, by })
      return commit
    },
    fetch: async (repo, branch) => (await open(repo)).fetch(branch),
    compare: async (repo, base, head) => (await open(repo)).compare(base, head),
    find: async (repo, branch, by) => freshList(deps, await open(repo), { head: branch }, by),
    list: async (repo, filter) => freshList(deps, await open(repo), filter),
    async open(repo, request, by) {
      const bare = await open(repo)
      const headCommit = await expectBranch(bare, request.head)
      if (!(await bare.commit(headRef(request.base))))
        await bare.alone(() => followBase(deps, bare, request.base))
      await giveHead(deps, bare, request.base, headCommit)
      const wanted = { ...request, author: 'orch', headCommit }
      const opened = await records.open(bare.source, wanted, clock.now(), by?.fence)
      const record = await fresh(bare, opened.record.number, by)
      return { pullRequest: toPullRequest(record), created: opened.created }
    },
    get: async (repo, number) => toPullRequest(await fresh(await open(repo), number)),
    async diff(repo, number) {
      const bare = await open(repo)
      const record = await fresh(bare, number)
      // after the merge the base branch holds the head, and the two would not differ any more
      const before = record.mergeCommit && (await bare.commit(`${record.mergeCommit}^1`))
      const base = before ?? (await expectBranch(bare, record.base))
      return bare.diff(base, record.headCommit)
    },
    checks: async (repo, number, by) => checksOfHead(await fresh(await open(repo), number, by)),
    async merge(repo, number, options) {
      const bare = await open(repo)
      return bare.alone(async () => mergePullRequest(deps, bare, await fresh(bare, number), options))
    },
    async close(repo, number) {
      const bare = await open(repo)
      await fresh(bare, number)
      return toPullRequest(await records.closed(bare.source, number, clock.now()))
    },
  }
}

async function pushBranch(bare: BareRepository, branch: string): Promise<string> {
  const mine = await bare.fetch(branch)
  if (!mine) throw new OrchError('E_NOT_FOUND', `there is no branch ${branch} in ${bare.source}`)
  const there = await bare.commit(headRef(branch))
  if (there === mine) return mine
  if (there && !(await bare.isAncestor(there, mine)))
    throw new OrchError(
      'E_HEAD_MOVED',
      `${branch} on the forge has commits that the one in ${bare.source} has not`,
      {
        details: { branch, forge: there, repository: mine },
      },
    )
  await bare.move(headRef(branch), mine, there)
  return mine
}

/** Who pushes holds the task: its pull request has this head, whatever another host has seen last. */
async function tellOthers(
  deps: LocalForgeOptions,
  bare: BareRepository,
  { branch, commit, by }: { branch: string; commit: string; by: Publisher | undefined },
): Promise<void> {
  const open = await deps.records.list(bare.source, { head: branch, state: 'open' })
  for (const record of open) if (record.headCommit !== commit) await noteMoved(deps, bare, record, commit, by)
}

async function expectBranch(bare: BareRepository, branch: string): Promise<string> {
  const commit = await bare.commit(headRef(branch))
  if (commit) return commit
  throw new OrchError('E_NOT_FOUND', `the forge has no branch ${branch}: push it first`, {
    details: { branch },
  })
}

type FreshDeps = Pick<LocalForgeOptions, 'records' | 'clock' | 'commits'> & { log?: Log }

/** The record with the head as the bare repository has it now; noted when it moved. */
export async function freshRecord(
  deps: FreshDeps,
  bare: BareRepository,
  number: number,
  by?: Publisher,
): Promise<PullRecord> {
  const { records } = deps
  const record = await records.get(bare.source, number)
  if (!record) throw new OrchError('E_NOT_FOUND', `there is no pull request ${number} in ${bare.source}`)
  if (deps.commits && (await isFromElsewhere(deps.commits, bare, record))) return record
  if (record.state !== 'open') return record
  const head = await bare.commit(headRef(record.head))
  if (!head || head === record.headCommit) return record
  return await noteMoved(deps, bare, record, head, by)
}

async function noteMoved(
  deps: FreshDeps,
  bare: BareRepository,
  record: PullRecord,
  head: string,
  by?: Publisher,
): Promise<PullRecord> {
  const { records, clock } = deps
  const { number } = record
  await giveHead(deps, bare, record.base, head)
  try {
    return await records.moved(bare.source, number, head, clock.now(), by?.fence)
  } catch (error) {
    if (!(error instanceof OrchError) || error.code !== 'E_STATE') throw error
    return (await records.get(bare.source, number)) ?? record // merged or closed at the same moment
  }
}

async function freshList(
  deps: FreshDeps,
  bare: BareRepository,
  filter?: Parameters<PullRequestRecords['list']>[1],
  by?: Publisher,
): Promise<PullRequest[]> {
  const all = await deps.records.list(bare.source, filter)
  const fresh = await Promise.all(all.map(({ number }) => freshRecord(deps, bare, number, by)))
  return fresh.map(toPullRequest)
}
