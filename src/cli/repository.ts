import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The root of the work tree that a path lies in, or undefined. The daemon decides; this is for finding configuration. */
export async function findRepository(path: string): Promise<string | undefined> {
  for (let place = path; ; place = dirname(place)) {
    if (await stat(join(place, '.git')).catch(() => undefined)) return place
    if (dirname(place) === place) return undefined
  }
}
