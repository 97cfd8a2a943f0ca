import type { Env } from '../exec.ts'
import { joinEnvironments } from '../git-config-env.ts'
import { driverNeed } from '../task/needs.ts'
import type { TaskSpec } from '../task/task.ts'
import type { Parts } from './parts.ts'

export type Lookup = ReturnType<typeof createLookup>

/** What the tasks of one run ask of the repository and the machine, each question asked once. */
export function createLookup(parts: Parts, repo: string, env: Env) {
  const { repositories } = parts
  const agentEnv = joinEnvironments(parts.agentEnv, env)
  return {
    inspect: once((base: string | undefined) => repositories.inspect(repo, base)),
    namer: once((root: string) => repositories.branchNamer(root)),
    forge: once((wanted: 'auto' | 'local' | 'github') => repositories.chooseForge(repo, wanted)),
    profile: once(async (name: string) => parts.profiles.find(await repositories.root(repo), name)),
    /** MCP servers that nobody approved, or that do not answer, are told now and not by an agent that fails. */
    mcp: once(async (names: string) => {
      if (names) await parts.mcpServers.ready(await repositories.root(repo), names.split(','), agentEnv)
    }),
    ready: once((runtime: TaskSpec['runtime']) => parts.runtimes[runtime].ready()),
    /** Whether another host has it. */
    elsewhere: once(async (driver: string) => {
      const hosts = await parts.hosts.known()
      return hosts.some(({ name, offers }) => name !== parts.host && offers.includes(driverNeed(driver)))
    }),
    installed: once(async (driver: string) => (await parts.drivers.get(driver)?.detect()) !== undefined),
  }
}

function once<A, R>(ask: (about: A) => Promise<R>): (about: A) => Promise<R> {
  const answers = new Map<A, Promise<R>>()
  return (about) => {
    const answer = answers.get(about) ?? ask(about)
    answers.set(about, answer)
    return answer
  }
}
