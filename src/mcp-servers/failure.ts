import { OrchError } from '../errors.ts'

/** E_MCP_FAILED of one server. `why` is a sentence about it ("it ended …"), free of secrets. */
export function mcpFailure(name: string, why: string, fix?: string): OrchError {
  return new OrchError('E_MCP_FAILED', `the MCP server ${name}: ${why}`, {
    ...(fix !== undefined && { fix }),
    details: { server: name, why },
  })
}

/** The sentence alone, where the server is named anyway. */
export const whyOf = (error: OrchError): string =>
  typeof error.details?.why === 'string' ? error.details.why : error.message
