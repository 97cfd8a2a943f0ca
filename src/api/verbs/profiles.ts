import { z } from 'zod'
import { PROFILE_ORIGINS, profileHeader } from '../../profile/profile.ts'
import { profileName } from '../../task/task.ts'
import { routeTable } from '../route-table.ts'
import { absolutePath, route } from './shape.ts'

/** The verbs of profiles: those that are built in, the user's, and those of the repository, when one is given. */

const repo = absolutePath.optional()
const origin = z.enum(PROFILE_ORIGINS)
const directories = z.object({ user: z.string(), project: z.string().optional() })

export const profileSchema = z.object({
  ...profileHeader.shape,
  name: z.string(),
  capabilities: z.array(z.string()),
  fallback: z.array(z.string()),
  tools: z.array(z.string()),
  mcp: z.array(z.string()),
  origin,
  file: z.string(),
  /** Where the profile of this name comes from that is used in its place. */
  hiddenBy: origin.optional(),
  warnings: z.array(z.string()),
})
export type ProfileView = z.output<typeof profileSchema>

const checkedSchema = z.object({
  file: z.string(),
  /** Absent when the file is broken. */
  name: z.string().optional(),
  faults: z.array(z.string()),
  warnings: z.array(z.string()),
})

export const profileVerbs = {
  profiles: route({
    ...routeTable.profiles,
    query: z.object({ repo }),
    answer: z.object({ profiles: z.array(profileSchema), faults: z.array(z.string()), directories }),
  }),
  profile: route({
    ...routeTable.profile,
    params: z.object({ name: profileName }),
    query: z.object({ repo }),
    answer: profileSchema.extend({ prompt: z.string(), text: z.string() }),
  }),
  /** The text of a new profile; the caller writes it into one of the directories. */
  draftProfile: route({
    ...routeTable.draftProfile,
    params: z.object({ name: profileName }),
    query: z.object({ repo, from: profileName.optional() }),
    answer: z.object({ name: z.string(), from: z.string(), text: z.string(), directories }),
  }),
  /** Whether files can be used here; without `files` those of the user and the repository. */
  checkProfiles: route({
    ...routeTable.checkProfiles,
    body: z.strictObject({ repo, files: z.array(absolutePath).min(1).max(1_000).optional() }),
    answer: z.object({ checked: z.array(checkedSchema) }),
  }),
}
