import { readdirSync, readFileSync } from 'node:fs'

/** Processes that carry the mark of a task's agents. */
export function agentProcesses(id: string): string[] {
  const environ = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8')
    } catch {
      return '' // gone by now
    }
  }
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && environ(pid).includes(`ORCH_TASK=${id}\0`))
}
