import type { World } from './world.ts'

/** Asks on the terminal; anything that does not begin with y is a no. */
export async function askYes(
  { err, stdin }: Pick<World, 'err' | 'stdin'>,
  question: string,
): Promise<boolean> {
  err(question)
  for await (const chunk of stdin) return /^\s*y/i.test(Buffer.from(chunk).toString('utf8'))
  return false
}
