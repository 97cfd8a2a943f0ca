import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig, projectConfigFile, stateDirectory, userConfigFile } from './load.ts'

let home: string
const write = async (path: string, text: string) => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
const user = (text: string) => write(userConfigFile({ env: {}, home }), text)
const project = (text: string) => write(projectConfigFile(join(home, 'repo')), text)
const load = (env = {}) => loadConfig({ env, home }, { repo: join(home, 'repo') })

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'orch-config-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

describe('loadConfig', () => {
  it('gives the defaults where nothing is said', async () => {
    const { config, origins, files } = await load()
    expect(config).toMatchObject({ maxAgents: 5, forge: 'auto', tries: 3 })
    expect(origins.maxAgents).toBe('default')
    expect(files).toEqual([])
  })

  it('lets the repository override the user, and a variable both, and tells the origin of each', async () => {
    await user('maxAgents: 2\ntries: 4\nforge: local\n')
    await project('tries: 5\nforge: github\n')
    const { config, origins } = await load({ ORCH_FORGE: 'auto' })
    expect(config).toMatchObject({ maxAgents: 2, tries: 5, forge: 'auto' })
    expect(origins.maxAgents).toMatch(/^file .*\.config/)
    expect(origins.tries).toMatch(/^file .*\.orch/)
    expect(origins.forge).toBe('variable ORCH_FORGE')
  })

  it('merges records by name', async () => {
    await user('mcpServers: { memory: { command: [memory] } }')
    await project('mcpServers: { docs: { url: "https://example.org/mcp" } }')
    const { config } = await load()
    expect(Object.keys(config.mcpServers)).toEqual(['memory', 'docs'])
  })

  it.each([
    ['tries: many', /tries/],
    ['unknown: 1', /unknown/i],
    ['tries: [', /config\.yaml/],
    ['tries: 1\ntries: 2', /unique/i],
    ['setup: [{ copy: ../../etc/passwd }]', /inside the repository/],
    ['leaseSeconds: 3', /belongs into your own file/],
  ])('refuses %j in a repository', async (text, message) => {
    await project(text)
    await expect(load()).rejects.toMatchObject({ code: 'E_CONFIG', message: expect.stringMatching(message) })
  })

  it.each([
    ['profiles: { careful: { model: big }, quick: {} }', /profiles\/careful\.md, .*\/profiles\/quick\.md$/],
    ['profiles:', /profiles\/NAME\.md$/],
  ])('tells where profiles belong now: %j', async (text, message) => {
    const fails = { code: 'E_CONFIG', fix: expect.stringContaining('orch profiles new') }
    await project(text)
    await expect(load()).rejects.toMatchObject({
      ...fails,
      message: expect.stringMatching(new RegExp(`\\.orch/${message.source}`)),
    })
    await project('')
    await user(text)
    await expect(load()).rejects.toMatchObject({ ...fails, message: expect.stringMatching(message) })
  })

  it('refuses a variable that is no value', async () => {
    await expect(load({ ORCH_TRIES: 'lots' })).rejects.toMatchObject({ code: 'E_CONFIG' })
  })

  it('names a file that cannot be read', async () => {
    await mkdir(userConfigFile({ env: {}, home }), { recursive: true })
    await expect(load()).rejects.toMatchObject({ code: 'E_CONFIG' })
  })
})

describe('stateDirectory', () => {
  it('follows ORCH_STATE_DIR, then XDG, then home', () => {
    expect(stateDirectory({ env: { ORCH_STATE_DIR: '/x' }, home: '/h' })).toBe('/x')
    expect(stateDirectory({ env: { XDG_STATE_HOME: '/s' }, home: '/h' })).toBe('/s/orch')
    expect(stateDirectory({ env: {}, home: '/h' })).toBe('/h/.local/state/orch')
  })

  it('refuses a relative one', () => {
    expect(() => stateDirectory({ env: { ORCH_STATE_DIR: 'x' }, home: '/h' })).toThrow('absolute')
  })
})
