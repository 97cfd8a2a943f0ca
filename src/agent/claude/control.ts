/** The control messages of stream-json: questions and answers beside the conversation (seen with 2.1.329). */

/** Ends the turn; the program stays, and so do messages that wait in it. */
export const interruptRequest = (id: string): string =>
  line({ type: 'control_request', request_id: id, request: { subtype: 'interrupt' } })

/** Answers `can_use_tool`. Without `updatedInput` an allowed tool runs with what it was called with. */
export const permissionAnswer = (question: string, allowed: boolean): string =>
  answer(question, {
    subtype: 'success',
    response: allowed ? { behavior: 'allow' } : { behavior: 'deny', message: 'A person refused it.' },
  })

export const notOffered = (question: string): string =>
  answer(question, { subtype: 'error', error: 'Orch does not offer this' })

const answer = (question: string, response: object) =>
  line({ type: 'control_response', response: { ...response, request_id: question } })
const line = (message: object) => `${JSON.stringify(message)}\n`
