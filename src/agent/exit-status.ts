import { plainText } from '../text.ts'
import type { Outcome } from './agent.ts'

/** An exit status as the shell tells it, in words. */
export function statusWords(status: number): string {
  return status > 128 && status < 193 ? `signal ${status - 128}` : `status ${status}`
}

/** The program ended without having told how its turn ended: failed, whatever the status says. */
export function brokenOff(program: string, status: number, stderr = ''): Outcome {
  const said = plainText(stderr).trim()
  const message = `${program} ended with ${statusWords(status)} and gave no result${said ? `:\n${said}` : ''}`
  return { kind: 'failed', reason: { code: 'no-result', message } }
}
