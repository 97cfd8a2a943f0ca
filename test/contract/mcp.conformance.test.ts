import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exec } from '../../src/exec.ts'
import { startConformanceServer } from '../support/conformance-server.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** MCP's own conformance suite, all its server scenarios, over loopback, against Orch's endpoint. */

/** The scenarios that do not apply to us, by what their names begin with, and why. */
const NOT_OURS: Record<string, string> = {
  resources: 'we offer tools only',
  prompts: 'we offer tools only',
  'completion-complete': 'it completes arguments of prompts and resources',
  caching: 'what it checks of tools passes; it wants prompts and resources too',
  'logging-set-level': 'our tools do not log to those who call them',
  'tools-call-with-logging': 'our tools do not log to those who call them',
  'tools-call-sampling': 'our tools ask nothing of those who call them: nobody sits before an agent',
  'tools-call-elicitation': 'our tools ask nothing of those who call them',
  elicitation: 'our tools ask nothing of those who call them',
  'input-required-result': 'our tools ask nothing of those who call them',
  'tools-call-image': 'our tools answer with objects',
  'tools-call-audio': 'our tools answer with objects',
  'tools-call-embedded-resource': 'our tools answer with objects',
  'tools-call-mixed-content': 'our tools answer with objects',
  'http-custom-header-server-validation': 'none of our tools takes a header',
  'server-session-lifecycle': 'we have no sessions: agents are known by their tokens; the suite skips it',
  'server-sse-polling': 'we have no sessions; the suite skips it',
  'sep-2164-resource-not-found': 'we offer tools only (it passes)',
}
const NEWER_THAN_JUNE = new Set(['dns-rebinding-protection', 'json-schema-2020-12'])
const ALWAYS = [
  'dns-rebinding-protection',
  'json-schema-2020-12',
  'tools-call-error',
  'tools-call-simple-text',
  'tools-call-with-progress',
  'tools-list',
]

test.each([
  ['2025-06-18', ['ping', 'server-initialize', ...ALWAYS.filter((it) => !NEWER_THAN_JUNE.has(it))]],
  ['2025-11-25', ['ping', 'server-initialize', ...ALWAYS]],
  ['2026-07-28', ['http-header-validation', 'server-sse-multiple-streams', 'server-stateless', ...ALWAYS]],
])(
  'MCP %s: the scenarios that apply pass',
  async (revision, ours) => {
    const { scenarios, faults } = await runSuite(revision)
    const applies = scenarios.filter(({ name }) => ours.includes(name))
    expect(applies.map(({ name }) => name).sort()).toEqual([...ours].sort())
    const failed = applies.filter((it) => it.failed > 0 || it.passed === 0).map(({ name }) => name)
    expect(failed, faults).toEqual([])
    const unexplained = scenarios.filter(({ name }) => !ours.includes(name) && !isExplained(name))
    expect(unexplained.filter(({ failed, passed }) => failed + passed > 0)).toEqual([])
  },
  90_000,
)

const isExplained = (name: string) =>
  Object.keys(NOT_OURS).some((start) => name === start || name.startsWith(`${start}-`))

interface Scenario {
  name: string
  passed: number
  failed: number
}

async function runSuite(revision: string): Promise<{ scenarios: Scenario[]; faults: string }> {
  const url = await startConformanceServer()
  const program = join(
    import.meta.dirname,
    '../../node_modules/@modelcontextprotocol/conformance/dist/index.js',
  )
  const given = ['server', '--url', url, '--suite', 'all', '--spec-version', revision]
  const { stdout, stderr } = await exec([process.execPath, program, ...given], {
    cwd: temporaryDirectory('orch-conformance'),
    env: { PATH: process.env.PATH ?? '', HOME: temporaryDirectory('orch-home') },
    timeoutMs: 80_000,
  })
  const out = stdout + stderr
  const lines = [...out.matchAll(/^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed/gmu)]
  const scenarios = lines.map(([, name = '', passed, failed]) => ({
    name,
    passed: Number(passed),
    failed: Number(failed),
  }))
  return { scenarios, faults: scenarios.length > 0 ? '' : out.slice(-5_000) }
}
