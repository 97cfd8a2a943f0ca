import { OrchError } from '../../errors.ts'

/** Stands for a part that is not written yet; goes with the last of them. */
export function absent<T extends object>(name: string): T {
  const fail = async () => {
    throw new OrchError('E_INTERNAL', `the Redis store has no ${name} yet`)
  }
  const nothing = async () => {}
  const get = (_: T, verb: PropertyKey) => (verb === 'then' ? undefined : verb === 'close' ? nothing : fail)
  return new Proxy<T>({} as T, { get })
}
