import type { ChildProcess } from 'node:child_process'
import type { Clock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import { type Answer, createAnswerReader } from './answers.ts'

/** No answer for this long means that the server hangs, in ms. */
const PATIENCE_MS = 10_000
/** How long the client may take to leave, in ms. */
const LEAVING_MS = 2_000
/** How long its pipes may stay open after the client has ended, in ms: a server that hangs has them, and keeps them. */
const HELD_MS = 200

/** A control-mode connection. Commands go out at once, one behind the other; answers come back in that order. */
export interface Connection {
  /** The connected client's own process. */
  readonly pid: number
  /** Gives the lines of the answer. @throws CommandFailed for what tmux refused, ConnectionLost when it is gone. */
  run(...command: string[]): Promise<string[]>
  /** Resolves when the connection is gone, with what the client had said. */
  readonly closed: Promise<string>
  close(): Promise<void>
}

export class CommandFailed extends OrchError {
  /** What tmux said. */
  readonly answer: string

  constructor(command: string[], answer: string) {
    super('E_RUNTIME', `tmux ${command.join(' ')}: ${answer || 'failed'}`)
    this.answer = answer
  }
}

export class ConnectionLost extends OrchError {
  constructor(said: string) {
    super('E_RUNTIME', `the connection to tmux is gone${said && `: ${said}`}`)
  }
}

/** Talks over the pipes of `tmux -C …`, which was just started. `noticed` is given what tmux tells without being asked. */
export function createConnection(
  client: ChildProcess,
  clock: Clock,
  noticed: (notification: string) => void,
): Connection {
  const waiting: ((answer: Answer | ConnectionLost) => void)[] = []
  const read = createAnswerReader((answer) => waiting.shift()?.(answer), noticed)
  const closed = whenClosed(client, read, clock)
  let lost: ConnectionLost | undefined
  closed.then((said) => {
    lost = new ConnectionLost(said)
    for (const resolve of waiting.splice(0)) resolve(lost)
  })
  const ask = (line: string) =>
    new Promise<Answer | ConnectionLost>((resolve) => {
      if (lost) return resolve(lost)
      waiting.push(resolve)
      client.stdin?.write(line)
    })
  return {
    pid: client.pid ?? 0,
    closed,
    run: async (...command) => {
      const patience = new AbortController()
      clock.sleep(PATIENCE_MS, patience.signal).then(() => patience.signal.aborted || client.kill('SIGKILL'))
      const answer = await ask(`${command.map(quote).join(' ')}\n`)
      patience.abort()
      if (answer instanceof ConnectionLost) throw answer
      if (!answer.ok) throw new CommandFailed(command, answer.lines.join(' '))
      return answer.lines
    },
    close: async () => {
      const left = new AbortController()
      clock.sleep(LEAVING_MS, left.signal).then(() => left.signal.aborted || client.kill('SIGKILL'))
      client.stdin?.end()
      await closed
      left.abort()
    },
  }
}

/** In tmux's own syntax: nothing is expanded between single quotes. What we send holds none and no newline. */
const quote = (word: string) => `'${word}'`

function whenClosed(client: ChildProcess, read: (chunk: string) => void, clock: Clock): Promise<string> {
  let said = ''
  client.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    read(chunk)
    if (!chunk.startsWith('%')) said = `${said}${chunk}`.slice(0, 500)
  })
  client.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    said = `${said}${chunk}`.slice(0, 500)
  })
  client.stdin?.on('error', () => {}) // EPIPE: told by the close below
  return new Promise((resolve) => {
    client.on('error', (error) => resolve(error.message))
    client.on('close', () => resolve(said.trim()))
    client.on('exit', async () => {
      await clock.sleep(HELD_MS)
      for (const pipe of client.stdio) pipe?.destroy() // then it closes
    })
  })
}
