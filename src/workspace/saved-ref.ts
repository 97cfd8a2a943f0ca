/** Commits that Orch made of uncommitted work are kept by refs that no branch list shows and no push takes along. */

/** All of a branch, as a prefix for `for-each-ref`. */
export const savedRefs = (branch: string): string => `refs/orch/saved/${branch}/`

export const savedRef = (branch: string, commit: string): string =>
  `${savedRefs(branch)}${commit.slice(0, 16)}`
