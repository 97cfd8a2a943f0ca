import type { Handlers } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import type { Forge } from '../../forge/forge.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { viewPull } from './views.ts'

type PullRoutes = 'pulls' | 'pull' | 'diff' | 'merge' | 'review' | 'check' | 'openPull'

interface Where {
  repo: string
  forge?: 'auto' | 'local' | 'github'
}

/** The verbs of pull requests: each asks the forge of the repository. */
export function pullHandlers(parts: Parts): Pick<Handlers, PullRoutes> {
  const at = async ({ repo, forge }: Where): Promise<{ root: string; forge: Forge }> => {
    const root = await parts.repositories.root(repo)
    const settings = await parts.settings(root)
    return { root, forge: parts.forges[await parts.repositories.chooseForge(root, forge ?? settings.forge)] }
  }
  /** The newest task of each branch. */
  const tasksByBranch = async (root: string) => {
    const tasks = await parts.store.tasks.list({ repo: root })
    return new Map(tasks.reverse().map((task) => [task.spec.branch, task]))
  }
  const taskOf = async (root: string, branch: string) => (await tasksByBranch(root)).get(branch)

  return {
    async pulls({ query }) {
      const { root, forge } = await at(query)
      const found = await forge.list(root, query.state ? { state: query.state } : {})
      const tasks = await tasksByBranch(root)
      return { pulls: found.map((it) => viewPull(it, root, tasks.get(it.head)?.id)) }
    },
    async pull({ params, query }) {
      const { root, forge } = await at(query)
      const pull = await forge.get(root, params.number)
      const checks = await forge.checks(root, params.number)
      const base = pull.mergeCommit ? `${pull.mergeCommit}^` : await forge.head(root, pull.base)
      const { files } = await forge.compare(root, base ?? pull.base, pull.headCommit)
      return { ...viewPull(pull, root, (await taskOf(root, pull.head))?.id), checks, files }
    },
    async diff({ params, query }) {
      const { root, forge } = await at(query)
      return { diff: await forge.diff(root, params.number) }
    },
    async openPull({ body }) {
      const { root, forge } = await at(body)
      // A person's branch is brought to the forge with it; an agent's own is published by the agent, or not proven.
      if (!(await taskOf(root, body.head))) await forge.push(root, body.head)
      const { head, base, title, body: text } = body
      const task = await taskOf(root, head)
      const whose = task && { taskId: task.id, runId: task.runId }
      const { pullRequest } = await forge.open(root, { head, base, title, body: text, ...whose })
      return viewPull(pullRequest, root, task?.id)
    },
    async merge({ params, body }) {
      const { root, forge } = await at(body)
      const settings = await parts.settings(root)
      const expectedHead = body.expectedHead ?? (await forge.get(root, params.number)).headCommit
      return await forge.merge(root, params.number, {
        method: body.method ?? settings.mergeMethod,
        expectedHead,
      })
    },
    async review({ params, body }) {
      const { repo, ...review } = body
      const { root, forge } = await at({ repo })
      const { headCommit } = await localOnly(forge).get(root, params.number)
      await parts.store.pulls.reviewed(
        root,
        params.number,
        { ...review, commit: headCommit, at: parts.clock.now() },
        parts.clock.now(),
      )
      return {}
    },
    async check({ params, body }) {
      const { repo, ...check } = body
      const { root, forge } = await at({ repo })
      await localOnly(forge).get(root, params.number)
      await parts.store.pulls.checked(root, params.number, check, parts.clock.now())
      return {}
    },
  }
}

function localOnly(forge: Forge): Forge {
  if (forge.name === 'local') return forge
  throw new OrchError('E_INVALID', 'reviews and checks of a GitHub pull request are given on GitHub', {
    fix: 'Use gh pr review, or the checks of GitHub.',
  })
}
