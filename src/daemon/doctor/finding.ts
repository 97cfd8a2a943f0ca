/** What doctor found in one place. */
export interface Finding {
  name: string
  /** `fail`: Orch cannot work like this. `warn`: something that you may want will not work. */
  state: 'ok' | 'warn' | 'fail'
  found: string
  /** What to do about it, or how to get what is optional. */
  fix?: string
}
