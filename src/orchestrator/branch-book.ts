import type { Git } from '../git.ts'

/** What is known of a branch: the work trees that have it checked out. */
export interface BranchPlace {
  checkedOut: string[]
}

/** The branches of repositories, each repository asked once, whatever the number of branches that are asked for. */
export function createBranchBook(git: Git) {
  const books = new Map<string, Promise<Map<string, BranchPlace>>>()
  return {
    /** Undefined when there is no such branch, or no such repository any more. */
    async find(repo: string, branch: string): Promise<BranchPlace | undefined> {
      const book = books.get(repo) ?? readBook(git.in(repo))
      books.set(repo, book)
      return (await book).get(branch)
    },
  }
}

async function readBook(git: Git): Promise<Map<string, BranchPlace>> {
  const names = await git(['for-each-ref', '--format=%(refname)', 'refs/heads']).catch(() => '')
  const book = new Map<string, BranchPlace>()
  for (const name of names.split('\n'))
    if (name) book.set(name.replace('refs/heads/', ''), { checkedOut: [] })
  if (book.size > 0) noteWorktrees(book, await git(['worktree', 'list', '--porcelain', '-z']))
  return book
}

function noteWorktrees(book: Map<string, BranchPlace>, listing: string): void {
  let path = ''
  for (const line of listing.split('\0')) {
    if (line.startsWith('worktree ')) path = line.slice('worktree '.length)
    if (line.startsWith('branch refs/heads/'))
      book.get(line.slice('branch refs/heads/'.length))?.checkedOut.push(path)
  }
}
