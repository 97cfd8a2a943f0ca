import type { Described } from '../carry/open.ts'
import { OrchError } from '../errors.ts'
import type { Env, Exec } from '../exec.ts'
import { isGithub, parseRemote } from '../forge/github/remote.ts'
import type { Git } from '../git.ts'
import type { Repositories } from '../orchestrator/parts.ts'
import { findBase } from '../workspace/base.ts'
import { branchNamer } from '../workspace/branch.ts'
import { identity, locateRepository, openRepository } from '../workspace/repository.ts'

/** What the orchestrator asks of a person's repository before work in it begins. */
export function createRepositories({ git, exec, env }: { git: Git; exec: Exec; env: Env }): Repositories {
  return {
    root: async (path) => (await locateRepository(git, path)).root,
    async inspect(path, base) {
      const { root } = await openRepository(git, path)
      await identity(git.in(root))
      return { root, base: (await findBase(git, root, base)).branch }
    },
    branchNamer: (root) => branchNamer(git, root),
    async chooseForge(root, wanted) {
      if (wanted === 'local') return 'local'
      const { origin } = await openRepository(git, root)
      const onGithub = origin !== undefined && isGithub(origin, env)
      if (wanted === 'auto' && !onGithub) return 'local'
      if (!origin || !onGithub) throw notOnGithub(root, origin)
      await expectLogin(exec, env, parseRemote(origin)?.host ?? 'github.com')
      return 'github'
    },
  }
}

/** What other hosts have to know of a repository. The address of its origin is told without a password. */
export function describer(git: Git): (path: string) => Promise<Described> {
  return async (path) => {
    const { root, origin, shallow } = await openRepository(git, path)
    const author = await identity(git.in(root)).catch(() => undefined)
    return { shallow, ...(origin && { url: origin }), ...(author && { author }) }
  }
}

function notOnGithub(root: string, origin: string | undefined): OrchError {
  const why = origin ? `its origin is ${origin}` : 'it has no remote origin'
  return new OrchError('E_INVALID', `${root} is not on GitHub: ${why}`, { fix: 'Use --forge local.' })
}

/** `gh auth token` looks at this machine only: it tells whether there is a login, not whether GitHub still takes it. */
async function expectLogin(exec: Exec, env: Env, host: string): Promise<void> {
  const fix = `gh auth login --hostname ${host}, or keep pull requests on this machine: --forge local`
  const result = await exec(['gh', 'auth', 'token', '--hostname', host], { env, timeoutMs: 10_000 }).catch(
    (cause) => {
      throw new OrchError('E_PROGRAM_MISSING', 'origin is on GitHub, and gh is not installed', {
        cause,
        fix: 'Install gh (https://cli.github.com), or keep pull requests on this machine: --forge local',
      })
    },
  )
  if (result.code !== 0)
    throw new OrchError('E_FORGE_LOGIN', `origin is on GitHub, and gh is not logged in to ${host}`, { fix })
}
