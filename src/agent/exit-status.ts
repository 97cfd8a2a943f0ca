/** An exit status as the shell tells it, in words. */
export function statusWords(status: number): string {
  return status > 128 && status < 193 ? `signal ${status - 128}` : `status ${status}`
}
