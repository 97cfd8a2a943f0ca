import { z } from 'zod'
import { profileName } from '../task/task.ts'

/** A profile: a kind of agent. A Markdown file whose YAML header is this and whose text is the prompt. */

/** What an agent can be asked to do (`security`, `database`); how others find it. */
const capability = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'a capability is named by small letters, digits and dashes')
const driverName = z
  .string()
  .regex(/^[a-z0-9-]{1,40}$/, 'a driver is named by small letters, digits and dashes')
const words = (max: number) =>
  z.preprocess(
    // Sub-agent files of agent programs write lists as `Read, Grep, Bash` too.
    (value) =>
      typeof value === 'string'
        ? value
            .split(/,(?![^(]*\))/)
            .map((it) => it.trim())
            .filter(Boolean)
        : value,
    z.array(z.string().min(1).max(200)).max(max),
  )

/** What one attempt may use. What is left out comes from the configuration. */
export const limitsSchema = z.strictObject({
  memoryMegabytes: z
    .int()
    .min(64)
    .max(1_000_000)
    .optional()
    .describe("memory on top of the program's own need"),
  cpuPercent: z
    .int()
    .min(5)
    .max(10_000)
    .optional()
    .describe('share of processors; 100 = one whole processor'),
  wallMinutes: z.number().positive().max(10_080).optional(),
  idleMinutes: z.number().positive().max(10_080).optional().describe('without any event or output'),
  turns: z.int().min(1).max(100_000).optional(),
  tokens: z
    .int()
    .min(1)
    .max(10_000_000_000)
    .optional()
    .describe('input and output together, cached input not counted'),
  costUsd: z.number().positive().max(1_000_000).optional(),
})
export type ProfileLimits = z.infer<typeof limitsSchema>

/**
 * What an agent may do without asking: `read` nothing but look; `edits` change files and use the tools that are listed;
 * `all` anything; `ask` as `edits`, and the rest waits for a person (`orch permit`).
 */
export const PERMISSIONS = ['read', 'edits', 'all', 'ask'] as const

export const profileHeader = z.object({
  name: profileName,
  description: z.string().max(10_000).default(''),
  capabilities: words(50).pipe(z.array(capability)).default([]),
  /** Agent program; without it the setting `driver` decides. */
  driver: driverName.optional(),
  /** Programs for the next attempt when one failed by no fault of the work (service down, quota, login). */
  fallback: words(10).pipe(z.array(driverName)).default([]),
  model: z.string().max(100).optional(),
  /** Which of its models a driver takes when `model` names none. */
  tier: z.enum(['strong', 'standard', 'fast']).default('standard'),
  permissions: z.enum(PERMISSIONS).default('edits'),
  /** Tools allowed beside edits, in the words of Claude Code (`Bash`, `Bash(git:*)`); drivers translate what they can. */
  tools: words(200).default(['Bash']),
  /** Names of MCP servers of the configuration. */
  mcp: words(50).default([]),
  limits: limitsSchema.default({}),
})

/** A profile as everybody uses it. */
export type Profile = z.infer<typeof profileHeader> & { prompt: string }

export const PROFILE_ORIGINS = ['built-in', 'user', 'project'] as const
export interface FoundProfile {
  profile: Profile
  origin: (typeof PROFILE_ORIGINS)[number]
  /** Absolute path of its file. */
  file: string
  /** The file as it is. */
  text: string
  /** What is odd but does no harm (`file:line: what`): an unknown key, a profile that it hides. */
  warnings: string[]
}

/** What was found in one file. */
export interface CheckedProfile {
  file: string
  /** Absent when the file is broken. */
  profile?: Profile
  /** Why it cannot be used, `file:line: what`. */
  faults: string[]
  warnings: string[]
}

/** Where profiles are found: built in, the user's directory, the repository's `.orch/profiles`; the later hides the earlier. */
export interface Profiles {
  /** @throws OrchError E_INVALID (no such profile, with the names that there are), E_CONFIG (its file is broken) */
  find(repo: string | undefined, name: string): Promise<Profile>
  /**
   * All that can be used, by name; those that a later one of the same name hides are in `hidden`. Broken files are told
   * in `faults` (`file:line: what`) and hide nothing.
   */
  list(
    repo: string | undefined,
  ): Promise<{ profiles: FoundProfile[]; hidden: FoundProfile[]; faults: string[] }>
  /** These files, or the user's and the repository's. */
  check(repo: string | undefined, files?: readonly string[]): Promise<CheckedProfile[]>
  /** Where a person's own profiles belong. */
  directories(repo: string | undefined): { user: string; project?: string }
}
