import { z } from 'zod'
import { routeTable } from '../route-table.ts'
import { hostSchema } from '../views.ts'
import { route } from './shape.ts'

/** The verb about hosts that share the store. */

export const hostVerbs = {
  /** By name. Without other hosts it is the one that answers. */
  hosts: route({
    ...routeTable.hosts,
    answer: z.object({
      hosts: z.array(hostSchema),
      /** Why this host is alone although it should share a store. */
      fallback: z.string().optional(),
    }),
  }),
}
