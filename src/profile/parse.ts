import { type Remark, readHeader } from './header.ts'
import { type Profile, profileHeader } from './profile.ts'

/** What the text of a profile says. */

export type Parsed =
  | { profile: Profile; warnings: Remark[] }
  | { name: string; faults: Remark[]; warnings: Remark[] }

/** @param stem the name of its file without `.md`: the name of a profile whose header has none */
export function parseProfile(text: string, stem: string): Parsed {
  const hidden = hiddenCharacter(text)
  if (hidden) return { name: stem, faults: [hidden], warnings: [] }
  const header = readHeader(text)
  if ('faults' in header) return { name: stem, faults: header.faults, warnings: [] }
  const { values, warnings } = adapted({ name: stem, ...withoutEmpty(header.values) }, header.lineOf)
  warnings.unshift(...header.warnings)
  const checked = profileHeader.safeParse(values)
  if (!checked.success) {
    const faults = checked.error.issues.map(({ path, message }) => ({
      line: header.lineOf(path),
      what: `${path.join('.')}: ${message}`,
    }))
    return {
      name: typeof values.name === 'string' ? values.name : stem,
      faults: faults.sort(byLine),
      warnings,
    }
  }
  const profile = { ...checked.data, prompt: header.body }
  return { profile, warnings: [...warnings, ...oddities(profile, stem, header.lineOf)] }
}

const byLine = (a: Remark, b: Remark) => (a.line ?? 0) - (b.line ?? 0)

/** Control characters, and those that turn the direction of text around, hide from people what an agent reads. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

function hiddenCharacter(text: string): Remark | undefined {
  const index = text.search(HIDDEN)
  if (index === -1) return undefined
  const code = text.charCodeAt(index).toString(16).toUpperCase().padStart(4, '0')
  return {
    line: text.slice(0, index).split('\n').length,
    what: `there is a character that nobody sees (U+${code})`,
  }
}

/** `key:` with nothing behind it says as little as no such line. */
const withoutEmpty = (values: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== ''))

type Values = Record<string, unknown>

/** What sub-agent files of agent programs say in their own words. */
function adapted(given: Values, lineOf: (path: string[]) => number): { values: Values; warnings: Remark[] } {
  const { model, ...values } = given
  const warnings = Object.keys(values)
    .filter((key) => !(key in profileHeader.shape))
    .map((key) => ({ line: lineOf([key]), what: unknownKey(key) }))
  if (model !== undefined && model !== 'inherit') values.model = model
  if (values.permissions === undefined && onlyLooks(values.tools)) {
    values.permissions = 'read'
    const what =
      'permissions: read, because none of its tools changes anything; say `permissions:` if that is not meant'
    warnings.push({ line: lineOf(['tools']), what })
  }
  return { values, warnings }
}

const CHANGES = /^(Bash|Edit|MultiEdit|NotebookEdit|Write)\b|^\*/

/** In the files of Claude Code the list of tools is all that the agent may use. */
function onlyLooks(tools: unknown): boolean {
  const names = profileHeader.shape.tools.safeParse(tools).data ?? []
  return tools !== undefined && names.length > 0 && !names.some((name) => CHANGES.test(name))
}

/** What the keys of Claude Code are called here. */
const SAID_AS: Record<string, string> = {
  permissionMode: '`permissions: read`, `edits`, `all` or `ask`',
  disallowedTools: '`permissions:` and `tools:`',
  maxTurns: '`limits: { turns: … }`',
  mcpServers: '`mcp:`, with servers of the configuration',
}

const unknownKey = (key: string): string =>
  `${JSON.stringify(key.slice(0, 60))} means nothing to Orch${SAID_AS[key] ? `; say ${SAID_AS[key]}` : ''}`

function oddities(profile: Profile, stem: string, lineOf: (path: string[]) => number): Remark[] {
  const line = lineOf(['name'])
  return [
    ...(profile.name === stem ? [] : [{ line, what: `its name is ${profile.name}, its file ${stem}.md` }]),
    ...(profile.prompt ? [] : [{ what: 'there is no text below the header: agents get no prompt of it' }]),
  ]
}
