import type { Log } from '../../log.ts'
import type { BareRepository } from '../bare.ts'
import type { CommitCarrier } from '../forge.ts'
import { headRef } from './base.ts'
import type { PullRecord } from './records.ts'

/**
 * Whether the head of a pull request is what another host made it, rather than what the bare repository of this one says. What
 * is missing here is brought here. Where neither commit holds the other the record counts: this host has lost the task.
 */
export async function isFromElsewhere(
  commits: CommitCarrier,
  bare: BareRepository,
  { head, headCommit, mergeCommit, state }: PullRecord,
): Promise<boolean> {
  if (mergeCommit) await bring(commits, bare, mergeCommit)
  const here = await bare.commit(headRef(head))
  if (here === headCommit) return false
  if (!(await bring(commits, bare, headCommit))) return true
  if (here && (await bare.isAncestor(headCommit, here))) return false
  if (state === 'open' && (!here || (await bare.isAncestor(here, headCommit))))
    await bare.move(headRef(head), headCommit, here)
  return true
}

/** Whether the bare repository has it now. */
async function bring(commits: CommitCarrier, bare: BareRepository, commit: string): Promise<boolean> {
  if (await bare.obtain(commit)) return true
  return (await commits.take(bare.source, commit)) && (await bare.obtain(commit))
}

/**
 * Gives the head of a pull request to other hosts, without what its base holds. What cannot be given is shown and merged on
 * this host alone.
 */
export async function giveHead(
  { commits, log }: { commits?: CommitCarrier | undefined; log?: Log },
  bare: BareRepository,
  base: string,
  head: string,
): Promise<void> {
  if (!commits) return
  const known = await bare.commit(headRef(base))
  try {
    await commits.give(bare.source, head, known ? [known] : [])
  } catch (error) {
    log?.warn('other hosts cannot get the commits of a pull request', { repo: bare.source, head, error })
  }
}
