import type { StatusView } from '../../api/contract.ts'
import type { StoreFacts } from '../store/open-store.ts'

export function viewStore({ warnings: _, reach, ...store }: StoreFacts): StatusView['store'] {
  if (!reach) return store
  return { ...store, reach: { ...reach, since: new Date(reach.since).toISOString() } }
}

/** What a person must not overlook about the store. */
export function storeWarnings({ fallback, reach, place, warnings }: StoreFacts): string[] {
  return [
    ...(fallback ? [`the embedded store is used instead of Redis: ${fallback}`] : []),
    ...(reach?.state === 'down'
      ? [`${reach.reason} (${place}); agents go on until their leases end, nothing new begins`]
      : []),
    ...warnings,
  ]
}
