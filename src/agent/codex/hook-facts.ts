import {
  type FactReader,
  passedOver,
  permissionRequest,
  sessionStart,
  stopped,
  toolBegins,
  toolEnds,
} from '../hooks/facts.ts'

/** The hooks of Codex (checked against 0.169.0), by name. They do not tell whether a tool was successful. */
export const CODEX_HOOKS: Readonly<Record<string, FactReader>> = {
  SessionStart: sessionStart,
  UserPromptSubmit: () => ({ type: 'prompted' }),
  PreToolUse: toolBegins,
  PostToolUse: toolEnds(),
  PermissionRequest: permissionRequest,
  Stop: stopped,
  Interrupt: () => ({ type: 'interrupted' }),
  SessionEnd: passedOver,
}
