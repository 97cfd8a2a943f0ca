import { z } from 'zod'

/** What payloads are made of. */

const clean = (text: string) => !text.includes('\0')
export const shortText = z.string().trim().min(1).max(500).refine(clean, 'no NUL characters')
export const longText = z.string().max(50_000).refine(clean, 'no NUL characters')
/** A file of the repository, by its path in it. */
export const repositoryPath = z
  .string()
  .min(1)
  .max(1_000)
  .refine(
    (path) => !/^[/~\\]|[\0\n]/.test(path) && !path.split(/[/\\]/).includes('..'),
    'a path in the repository',
  )
export const files = z.array(repositoryPath).max(500)
/** What an agent can be asked to do; profiles name theirs. */
export const capability = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'a capability is named by small letters, digits and dashes')
