import { z } from 'zod'
import { limitsSchema } from '../profile/profile.ts'
import { profileName } from '../task/task.ts'

/** What can be configured: in the user's file, in the repository's `.orch/config.yaml`, by ORCH_* variables and by flags. */

const argv = z.tuple([z.string().min(1)], z.string()).describe('program and arguments, without a shell')
const limits = limitsSchema.shape
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

const variableName = z.string().regex(/^[A-Za-z_]\w{0,99}$/, 'the name of a variable, never its value')
export const mcpServerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'an MCP server is named by small letters, digits, - and _')

/** An MCP server that profiles may name. Secrets are named, never written. */
export const mcpServerSchema = z.union(
  [
    z.strictObject({
      command: argv,
      env: z.array(variableName).max(50).default([]).describe('names of variables that it gets'),
    }),
    z.strictObject({
      url: z
        .url({ protocol: /^https?$/ })
        .max(2_000)
        .refine(
          (url) => !/^https?:\/\/[^/?#]*@/i.test(url),
          'no password in a URL: name a variable by bearer or headers',
        ),
      bearer: variableName.optional().describe('name of the variable that holds the bearer token'),
      headers: z
        .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/), variableName)
        .default({})
        .describe('header → name of the variable that holds its value'),
    }),
  ],
  'a list `command` with `env`, or a `url` with `bearer` and `headers`: lists and names of variables',
)
export type McpServerDeclaration = z.infer<typeof mcpServerSchema>

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
  mcpServers: z
    .record(mcpServerName, mcpServerSchema)
    .refine(
      (servers) => !('orch' in servers),
      'orch is the name of the server that Orch itself gives to agents',
    )
    .default({}),
  mcp: z.array(mcpServerName).max(50).default([]).describe('MCP servers that every agent is given'),
  validate: z.array(profileName).max(10).default([]).describe('profiles that must approve each task'),
  integrate: z
    .enum(['merge', 'pull-requests'])
    .default('merge')
    .describe(
      'branches of delegated tasks: merged into that of the task that delegates, or a pull request each',
    ),
  delegateDepth: z.int().min(0).max(10).default(3).describe('tasks may make tasks that make tasks …'),
  delegateTasks: z.int().min(0).max(1_000).default(20).describe('that one task may make'),
  runTasks: z.int().min(1).max(10_000).default(100).describe('in one run, all together'),
  requestMinutes: z
    .number()
    .positive()
    .max(10_080)
    .default(60)
    .describe('how long an agent waits for an answer'),
  memoryMegabytes: limits.memoryMegabytes.unwrap().default(512),
  cpuPercent: limits.cpuPercent,
  idleMinutes: limits.idleMinutes.unwrap().default(30),
  turns: limits.turns,
  tokens: limits.tokens,
  costUsd: limits.costUsd,
  runMinutes: z.number().positive().max(100_000).optional().describe('wall time of a whole run'),
  runTokens: limits.tokens.describe('of all agents of a run together'),
  runCostUsd: limits.costUsd.describe('of all agents of a run together'),
})

const redisUrl = z
  .url({ protocol: /^rediss?$/, error: 'redis://HOST:PORT/DATABASE, or rediss:// for TLS' })
  .max(2_000)
const word = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'small letters, digits, dots and dashes')
const place = z.string().regex(/^[^\s:/]+:\d{1,5}$/, 'HOST:PORT')

/** The store that several hosts share. `redis: URL` is short for `redis: { url: URL }`. */
export const redisSettings = z
  .strictObject({
    url: redisUrl.optional(),
    sentinels: z
      .array(place)
      .min(1)
      .max(20)
      .optional()
      .describe('HOST:PORT of each Sentinel, instead of url'),
    sentinelName: z
      .string()
      .max(100)
      .default('mymaster')
      .describe('name that the Sentinels know the primary by'),
    username: z.string().max(100).optional().describe('ACL user'),
    password: variableName.optional().describe('name of the variable that holds the password'),
    tls: z.boolean().optional().describe('TLS to Sentinels’ primaries; rediss:// has it anyway'),
    ca: z.string().max(1_000).optional().describe('file with the certificates to trust'),
    cert: z.string().max(1_000).optional().describe('file with the certificate of this client'),
    key: z.string().max(1_000).optional().describe('file with its key'),
    required: z
      .boolean()
      .default(true)
      .describe('false: without Redis at start the embedded store is used, and everything says so'),
  })
  .refine(({ url, sentinels }) => Boolean(url) !== Boolean(sentinels), 'either url or sentinels')
export type RedisConfig = z.infer<typeof redisSettings>

const labels = z.union([
  z.array(word).max(50),
  z
    .string()
    .transform((text) => text.split(',').map((it) => it.trim()))
    .pipe(z.array(word).max(50)),
])

/** Settings of the daemon: only in the user's file and ORCH_* variables. */
export const daemonSettings = z.strictObject({
  redis: z
    .union([redisSettings, redisUrl.transform((url) => redisSettings.parse({ url }))])
    .optional()
    .describe('the store that several hosts share; absent = the embedded one of this machine'),
  cluster: word.default('orch').describe('hosts with the same Redis and the same name here work together'),
  hostName: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/)
    .optional()
    .describe('name of this host; absent = the machine’s own with Redis, else local'),
  hostLabels: labels.default([]).describe('what this host has: tasks may ask for it (gpu, linux)'),
  hostAddress: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,250}$/)
    .optional()
    .describe('what ssh takes to get to this host; absent = the machine’s name'),
  heartbeatSeconds: z
    .number()
    .min(0.1)
    .max(3_600)
    .default(30)
    .describe('a host says so often that it is there'),
  staleSeconds: z
    .number()
    .min(0.2)
    .max(86_400)
    .default(300)
    .describe('a host that was not heard of for so long is removed from the list'),
  journalEvents: z.int().min(1_000).default(1_000_000).describe('events that are kept …'),
  journalDays: z.number().positive().max(3_650).default(90).describe('… and for how long'),
  taskDays: z
    .number()
    .positive()
    .max(3_650)
    .default(90)
    .describe('how long runs are kept after all their tasks have ended'),
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
  mailboxSize: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('messages that may wait in one mailbox'),
  messageTries: z.int().min(1).max(100).default(5).describe('before a message is a dead letter'),
  messageLeaseSeconds: z.number().min(1).max(3_600).default(60),
  messageHistory: z.int().min(0).default(50_000).describe('messages that are kept after they were read'),
  messageDays: z.number().positive().max(3_650).default(30).describe('… and for how long'),
  breakerFailures: z
    .int()
    .min(1)
    .max(1_000)
    .default(5)
    .describe('failures in a row of an agent program, GitHub or an MCP server, before it is left alone'),
  breakerSeconds: z
    .number()
    .min(0.1)
    .max(86_400)
    .default(30)
    .describe('for how long at first; doubled up to ten minutes'),
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
