import { z } from 'zod'
import {
  type FactReader,
  passedOver,
  permissionRequest,
  reading,
  sessionStart,
  stopped,
  toolBegins,
  toolEnds,
} from '../hooks/facts.ts'

/** The hooks of Claude Code (checked against 2.1.329), by name: what `--settings` asks for and what they tell. */
export const CLAUDE_HOOKS: Readonly<Record<string, FactReader>> = {
  SessionStart: sessionStart,
  UserPromptSubmit: () => ({ type: 'prompted' }),
  PreToolUse: toolBegins,
  PostToolUse: toolEnds(true),
  PostToolUseFailure: toolEnds(false),
  PermissionRequest: permissionRequest,
  Notification: reading(
    z.object({ notification_type: z.string().optional(), message: z.string().default('') }),
    ({ notification_type: type, message }) =>
      type === 'permission_prompt' ? { type: 'asks', about: message } : { type: 'passed-over' },
  ),
  Stop: stopped,
  StopFailure: reading(
    z.object({
      error: z.string(),
      error_details: z.string().nullish(),
      last_assistant_message: z.string().nullish(),
    }),
    ({ error, error_details, last_assistant_message }) =>
      failure(error, last_assistant_message ?? error_details ?? error),
  ),
  SessionEnd: passedOver,
}

const LOGIN = new Set([
  'authentication_failed',
  'oauth_org_not_allowed',
  'account_on_hold',
  'verification_required',
])

function failure(error: string, text: string) {
  const [, seconds] = /\|(\d{10})\b/.exec(text) ?? []
  const resetAt = seconds ? { resetAt: Number(seconds) * 1_000 } : {}
  const kind = LOGIN.has(error) ? 'login' : error === 'rate_limit' ? 'quota' : 'other'
  return { type: 'failed', error: text, kind, ...(kind === 'quota' && resetAt) } as const
}
