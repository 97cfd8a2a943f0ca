import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Argv } from '../../src/exec.ts'
import type { Answer } from '../fixtures/mcp/answers.ts'
import { answerOverHttp, type HttpFixture } from '../fixtures/mcp/over-http.ts'

/** The command that starts a fixture MCP server of test/fixtures/mcp/. */
export const mcpFixture = (name: string, ...args: string[]): Argv => [
  process.execPath,
  fileURLToPath(new URL(`../fixtures/mcp/${name}.ts`, import.meta.url)),
  ...args,
]

/** A fixture MCP server over HTTP, ended after the test. */
export async function mcpOverHttp(
  answer: Answer,
  options: { bearer?: string; status?: number } = {},
): Promise<HttpFixture> {
  const served = await answerOverHttp(answer, options)
  onTestFinished(served.close)
  return served
}
