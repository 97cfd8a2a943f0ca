import { readlinkSync } from 'node:fs'
import { exec, signalProcess } from '../../src/exec.ts'

/** The daemon, its tmux server and agents are gone soon after they were told to end, in ms. */
const PATIENCE_MS = 5_000

/**
 * Waits until no process works in this directory or names it in its arguments. What is there for longer is killed, and
 * then this fails: Orch, or the test, left it behind.
 */
export async function nothingLeft(directory: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  let left = await processesOf(directory)
  while (left.length > 0 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    left = await processesOf(directory)
  }
  if (left.length === 0) return
  for (const { pid } of left) signalProcess(pid, 'SIGKILL')
  const list = left.map(({ pid, what }) => `${pid} ${what}`).join('\n')
  throw new Error(`these processes were left behind:\n${list}`)
}

async function processesOf(directory: string): Promise<{ pid: number; what: string }[]> {
  const { stdout } = await exec(['ps', '-A', '-ww', '-o', 'pid=,stat=,args='], {
    env: { PATH: process.env.PATH ?? '' },
  })
  return stdout.split('\n').flatMap((line) => {
    const [, pid, state, args = ''] = /^ *(\d+) +(\S+) +(.*)$/.exec(line) ?? []
    if (!pid || state?.startsWith('Z')) return []
    const place = placeOf(pid)
    const isOurs = args.includes(`${directory}/`) || `${place}/`.startsWith(`${directory}/`)
    return isOurs ? [{ pid: Number(pid), what: `${args} (in ${place})` }] : []
  })
}

/** Its working directory, where the system shows that as a file; empty elsewhere. */
function placeOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}
