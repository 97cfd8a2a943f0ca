import { OrchError } from '../../errors.ts'

/** Stands for a part that is not written yet; goes with the last of them. */
export function absent<T extends object>(name: string): T {
  const fail = async () => {
    throw new OrchError('E_INTERNAL', `the Redis store has no ${name} yet`)
  }
  return new Proxy({} as T, { get: (_, verb) => (verb === 'then' ? undefined : fail) })
}
