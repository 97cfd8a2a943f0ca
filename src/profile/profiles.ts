import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OrchError } from '../errors.ts'
import { type FoundProfile, PROFILE_ORIGINS, type Profiles } from './profile.ts'
import { createProfileReader, type ProfileFile } from './read.ts'

/** Profiles as files: built in, the user's, the repository's. */

type Origin = FoundProfile['origin']

interface Layer {
  origin: Origin
  found: FoundProfile[]
  broken: ProfileFile[]
  /** Of the directory and its files. */
  faults: string[]
}

export interface ProfilesOptions {
  /** The user's own, for all repositories. */
  userDirectory: string
  builtinDirectory?: string
}

const BUILT_IN = fileURLToPath(new URL('builtin', import.meta.url))
const MAX_FILES = 500

/** Every question looks at the directories; a file that did not change is not parsed again. */
export function createProfiles({ userDirectory, builtinDirectory = BUILT_IN }: ProfilesOptions): Profiles {
  const read = createProfileReader()
  const directories = (repo: string | undefined) => ({
    user: userDirectory,
    ...(repo !== undefined && { project: join(repo, '.orch', 'profiles') }),
  })
  const layersOf = async (repo: string | undefined): Promise<Layer[]> => {
    const places = { 'built-in': builtinDirectory, ...directories(repo) }
    return await Promise.all(
      PROFILE_ORIGINS.flatMap((origin) => {
        const place: string | undefined = places[origin]
        return place === undefined ? [] : [readLayer(read, origin, place)]
      }),
    )
  }
  return {
    directories,
    list: async (repo) => overlay(await layersOf(repo)),
    async find(repo, name) {
      const layers = await layersOf(repo)
      for (const { found, broken } of layers.toReversed()) {
        const one = found.find(({ profile }) => profile.name === name)
        if (one) return one.profile
        // What it would hide is perhaps allowed more: the one that was meant has to be mended.
        const bad = broken.find((it) => it.name === name)
        if (bad) throw new OrchError('E_CONFIG', bad.faults.join('\n'), { fix: MEND })
      }
      const names = overlay(layers).profiles.map(({ profile }) => profile.name)
      throw new OrchError('E_INVALID', `there is no profile ${name}; there are ${names.join(', ')}`)
    },
    async check(repo, files) {
      if (files) return await Promise.all(files.map(read))
      const own = (await layersOf(repo)).filter(({ origin }) => origin !== 'built-in')
      return own.flatMap(checkedOf)
    },
  }
}

const MEND = 'Correct the file that is named; `orch profiles check` tells whether it can be used.'

async function readLayer(read: (file: string) => Promise<ProfileFile>, origin: Origin, directory: string) {
  const { names, faults } = await namesIn(directory)
  const files = await Promise.all(names.map((name) => read(join(directory, name))))
  const layer: Layer = { origin, found: [], broken: [], faults }
  for (const file of files.toSorted(byFit)) {
    const { profile, text, warnings } = file
    const twin = layer.found.find((it) => it.profile.name === profile?.name)
    if (profile && !twin) layer.found.push({ profile, origin, file: file.file, text, warnings })
    else layer.broken.push(twin ? { ...file, faults: [sameName(file, twin)] } : file)
  }
  layer.faults.push(...layer.broken.flatMap((it) => it.faults))
  return layer
}

const sameName = ({ file, name }: ProfileFile, twin: FoundProfile) =>
  `${file}: there is a profile ${name} in ${twin.file} already`

/** A file that is called like its profile goes before one that is not. */
const byFit = (a: ProfileFile, b: ProfileFile) =>
  Number(b.file.endsWith(`/${b.name}.md`)) - Number(a.file.endsWith(`/${a.name}.md`))

async function namesIn(directory: string): Promise<{ names: string[]; faults: string[] }> {
  try {
    const all = (await readdir(directory)).filter(
      (it) => /^[^.].*\.md$/.test(it) && !/^readme\.md$/i.test(it),
    )
    const names = all.sort().slice(0, MAX_FILES)
    const faults = all.length > MAX_FILES ? [`${directory}: only the first ${MAX_FILES} files are read`] : []
    return { names, faults }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return { names: [], faults: [] }
    return { names: [], faults: [`${directory}: cannot be read: ${message}`] }
  }
}

function overlay(layers: Layer[]): Awaited<ReturnType<Profiles['list']>> {
  const used = new Map<string, FoundProfile>()
  const hidden: FoundProfile[] = []
  for (const found of layers.flatMap((layer) => layer.found)) {
    const before = used.get(found.profile.name)
    if (before) hidden.push(before)
    const warning = before && `${found.file}: hides the ${before.origin} profile ${found.profile.name}`
    used.set(found.profile.name, warning ? { ...found, warnings: [...found.warnings, warning] } : found)
  }
  const profiles = [...used.values()].sort((a, b) => (a.profile.name < b.profile.name ? -1 : 1))
  return { profiles, hidden, faults: layers.flatMap((layer) => layer.faults) }
}

function checkedOf({ found, broken, faults }: Layer) {
  const ofFiles = [
    ...found.map(({ file, profile, warnings }) => ({ file, profile, faults: [], warnings })),
    ...broken.map(({ file, faults: why, warnings }) => ({ file, faults: why, warnings })),
  ].sort((a, b) => (a.file < b.file ? -1 : 1))
  const told = new Set(ofFiles.flatMap((it) => it.faults))
  const ofDirectory = faults.filter((it) => !told.has(it))
  return [
    ...ofFiles,
    ...ofDirectory.map((it) => ({ file: it.slice(0, it.indexOf(':')), faults: [it], warnings: [] })),
  ]
}
