import { Readable, Writable } from 'node:stream'
import type { Command } from 'commander'
import type { AgentToolView } from '../../api/verbs/agent-tools.ts'
import { packageVersion } from '../../api/version.ts'
import { OrchError } from '../../errors.ts'
import { plainText } from '../../text.ts'
import { dashed, inputOf, type ToolOptions, toolCommand } from '../agent/fields.ts'
import { createPatientCalls } from '../agent/patient-calls.ts'
import { agentToken } from '../agent/token.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { readInput } from '../input.ts'

export function define(command: Command, cli: Cli): void {
  command.argument(
    '[tool]',
    'a tool of the list, or mcp: the same tools as an MCP server on standard input and output',
  )
  command.argument('[fields...]', 'what the tool takes; `orch agent TOOL --help` lists it')
  command.passThroughOptions().allowUnknownOption()
  examples(command, [
    'orch agent',
    'orch agent get-task',
    'orch agent report-progress --summary "The parser is done, tests come next" --percent 60',
    'orch agent complete-task --json \'{"summary": "Needs a key that I do not have", "done": false}\'',
    'orch agent mcp',
  ])
  command.action(async (name: string | undefined, words: string[]) => {
    if (name === undefined) return await list(cli)
    const calls = await createPatientCalls(cli, agentToken(cli.world))
    if (name !== 'mcp') return await call(cli, calls, findTool(await calls.tools(), name), words)
    return await serve(cli, calls)
  })
}

async function list(cli: Cli): Promise<void> {
  const { tools } = await (await cli.connect()).call('agentTools')
  cli.answer('agent-tools', { tools }, () => {
    const lines = tools.map(({ name, description }) => `${dashed(name)}\n    ${plainText(description)}\n`)
    return `${lines.join('')}\nWhat a tool takes: orch agent TOOL --help\n`
  })
}

/** The same tools as an MCP server, for programs that start their servers themselves. */
async function serve({ world }: Cli, calls: Calls): Promise<void> {
  const { bridge } = await import('../../mcp/bridge.ts')
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      world.out(chunk.toString('utf8'))
      done()
    },
  })
  await bridge({ ...calls, version: packageVersion(), input: Readable.from(world.stdin), output })
}

type Calls = Awaited<ReturnType<typeof createPatientCalls>>

async function call(cli: Cli, calls: Calls, tool: AgentToolView, words: string[]): Promise<void> {
  const options = await readOptions(cli, tool, words)
  const json = options.json === '-' ? (await readInput('-', cli.world)).text : options.json
  const answer = await calls.call(tool.name, inputOf(options.fields, json))
  cli.answer('agent-answer', { tool: tool.name, answer }, () => `${JSON.stringify(answer, null, 2)}\n`)
}

/** @throws CommanderError for a wrong use and for --help, as every command does. */
async function readOptions(cli: Cli, tool: AgentToolView, words: string[]): Promise<ToolOptions> {
  let options: ToolOptions = { fields: {}, json: undefined }
  const command = toolCommand(tool, (given) => {
    options = given
  })
  command.exitOverride().configureOutput({ writeOut: cli.world.out, writeErr: () => {} })
  await command.parseAsync(words, { from: 'user' })
  return options
}

/** @throws OrchError E_USAGE */
function findTool(tools: AgentToolView[], name: string): AgentToolView {
  const tool = tools.find((it) => it.name === name.replaceAll('-', '_'))
  if (tool) return tool
  throw new OrchError('E_USAGE', `there is no tool ${plainText(name).slice(0, 60)}`, {
    fix: `There are: ${tools.map((it) => dashed(it.name)).join(', ')}.`,
  })
}
