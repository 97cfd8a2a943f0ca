import type { Handlers } from '../../api/contract.ts'
import type { ProfileView } from '../../api/verbs/profiles.ts'
import { OrchError } from '../../errors.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { draftProfile } from '../../profile/draft.ts'
import type { CheckedProfile, FoundProfile } from '../../profile/profile.ts'

type ProfileRoutes = 'profiles' | 'profile' | 'draftProfile' | 'checkProfiles'

type Needed = Pick<Parts, 'profiles' | 'repositories' | 'settings' | 'config' | 'drivers'>

/** The verbs of profiles. */
export function profileHandlers(parts: Needed): Pick<Handlers, ProfileRoutes> {
  const { profiles, repositories } = parts
  const rootOf = async (repo?: string) => repo && (await repositories.root(repo))
  /** @throws OrchError E_INVALID, E_CONFIG: as an agent of it would be refused */
  const found = async (repo: string | undefined, name: string): Promise<FoundProfile> => {
    await profiles.find(repo, name)
    const all = (await profiles.list(repo)).profiles
    const one = all.find(({ profile }) => profile.name === name)
    if (one) return one
    throw new OrchError('E_NOT_FOUND', `the profile ${name} was just removed`)
  }
  return {
    async profiles({ query }) {
      const repo = await rootOf(query.repo)
      const { profiles: used, hidden, faults } = await profiles.list(repo)
      const over = new Map(used.map((it) => [it.profile.name, it.origin]))
      const views = [
        ...used.map((it) => viewProfile(it)),
        ...hidden.map((it) => ({ ...viewProfile(it), hiddenBy: over.get(it.profile.name) })),
      ]
      return { profiles: views.sort(byName), faults, directories: profiles.directories(repo) }
    },
    async profile({ params, query }) {
      const one = await found(await rootOf(query.repo), params.name)
      return { ...viewProfile(one), prompt: one.profile.prompt, text: one.text }
    },
    async draftProfile({ params: { name }, query }) {
      const repo = await rootOf(query.repo)
      const known = (await profiles.list(repo)).profiles.some(({ profile }) => profile.name === name)
      const from = await found(repo, query.from ?? (known ? name : 'general'))
      const text = draftProfile(name, from)
      return { name, from: from.profile.name, text, directories: profiles.directories(repo) }
    },
    async checkProfiles({ body }) {
      const repo = await rootOf(body.repo)
      const missing = await whatIsMissing(parts, repo)
      const checked = await profiles.check(repo, body.files)
      return { checked: checked.map((it) => viewChecked(it, missing)) }
    },
  }
}

/** Equal names keep their order: what is used stands before what it hides. */
const byName = (a: ProfileView, b: ProfileView) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1)

function viewProfile({ profile, origin, file, warnings }: FoundProfile): ProfileView {
  const { prompt: _, ...header } = profile
  return { ...header, origin, file, warnings }
}

type Missing = (profile: NonNullable<CheckedProfile['profile']>) => string[]

/** What a file names and this machine does not know. */
async function whatIsMissing(parts: Needed, repo: string | undefined): Promise<Missing> {
  const { mcpServers } = repo ? await parts.settings(repo) : parts.config
  const none = (names: string[]) => (names.length > 0 ? names.join(', ') : 'none')
  return ({ driver, fallback, mcp }) => [
    ...[driver ?? [], fallback]
      .flat()
      .filter((name) => !parts.drivers.has(name))
      .map((name) => `there is no agent program ${name}; there are ${none([...parts.drivers.keys()])}`),
    ...mcp
      .filter((name) => !Object.hasOwn(mcpServers, name))
      .map((name) => `there is no MCP server ${name}; declared are ${none(Object.keys(mcpServers))}`),
  ]
}

function viewChecked({ file, profile, faults, warnings }: CheckedProfile, missing: Missing) {
  if (!profile) return { file, faults, warnings }
  const here = missing(profile).map((what) => `${file}: ${what}`)
  return { file, name: profile.name, faults: [...faults, ...here], warnings }
}
