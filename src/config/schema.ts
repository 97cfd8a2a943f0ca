import { z } from 'zod'
import { profileName } from '../task/task.ts'

/** What can be configured: in the user's file, in the repository's `.orch/config.yaml`, by ORCH_* variables and by flags. */

const argv = z.tuple([z.string().min(1)], z.string()).describe('program and arguments, without a shell')
const relativePath = z
  .string()
  .min(1)
  .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'a path inside the repository')

/** One step that makes a fresh checkout ready to build and test in. */
export const setupStep = z.union([
  z.strictObject({ run: argv }),
  z.strictObject({ copy: relativePath }),
  z.strictObject({ link: relativePath }),
])
export type SetupStep = z.infer<typeof setupStep>

export const profileSchema = z.strictObject({
  prompt: z.string().max(20_000).optional(),
  model: z.string().max(100).optional(),
  permissionMode: z.enum(['default', 'acceptEdits', 'bypassPermissions', 'plan']).default('acceptEdits'),
  allowedTools: z.array(z.string().max(200)).default(['Bash']),
})

/** A check that Orch runs itself on the head of a pull request of the local forge. */
export const checkSchema = z.strictObject({
  run: argv,
  required: z.boolean().default(true),
  timeoutMinutes: z.number().positive().max(1_440).default(30),
})

/** Settings of one repository. Found in the user's file and in the repository's own. */
export const projectSettings = z.strictObject({
  base: z.string().max(200).optional().describe('branch that work starts from; found when absent'),
  branchPrefix: z
    .string()
    .max(40)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/)
    .default('orch/'),
  forge: z.enum(['auto', 'local', 'github']).default('auto'),
  runtime: z.enum(['tmux', 'process']).default('tmux'),
  driver: z
    .string()
    .max(40)
    .default('auto')
    .describe('agent program; auto takes the first that is installed'),
  profile: profileName.default('general'),
  publish: z.enum(['orch', 'agent']).default('orch'),
  tries: z.int().min(1).max(100).default(3),
  wallMinutes: z.number().positive().max(10_080).default(120),
  outputMegabytes: z.number().positive().max(10_000).default(128),
  maxAgents: z.int().min(1).max(1_000).default(5).describe('agents at once in this repository'),
  setup: z.array(setupStep).max(50).default([]),
  ports: z.int().min(0).max(20).default(0).describe('free TCP ports for each agent: ORCH_PORT_1 …'),
  passEnv: z
    .array(z.string().max(100))
    .max(100)
    .default([])
    .describe('variables handed to agents; a trailing * matches'),
  checks: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$/), checkSchema).default({}),
  mergeMethod: z.enum(['merge', 'squash', 'rebase']).default('merge'),
  profiles: z.record(profileName, profileSchema).default({}),
})

/** Settings of the daemon: only in the user's file and ORCH_* variables. */
export const daemonSettings = z.strictObject({
  hostName: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/)
    .default('local'),
  totalAgents: z.int().min(1).max(1_000).default(20).describe('agents at once over all repositories'),
  backoffSeconds: z.number().min(0).max(3_600).default(5),
  backoffMaxSeconds: z.number().min(0).max(86_400).default(300),
  leaseSeconds: z.number().min(2).max(3_600).default(30),
  graceSeconds: z.number().min(0).max(300).default(5).describe('between TERM and KILL'),
  reconcileSeconds: z.number().min(0.1).max(300).default(2),
  apiPort: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('loopback TCP port of the API; absent = Unix socket only; 0 = any free port'),
  checksGraceSeconds: z
    .number()
    .min(0)
    .max(600)
    .default(10)
    .describe('how long GitHub gets to show the first check of a new pull request'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

export const configSchema = z.strictObject({ ...projectSettings.shape, ...daemonSettings.shape })
export type Config = z.infer<typeof configSchema>
export type ProjectConfig = z.infer<typeof projectSettings>

/** Where a value came from, for `orch config show --origin`. */
export type Origin = 'default' | `file ${string}` | `variable ${string}` | `flag ${string}`
