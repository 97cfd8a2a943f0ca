import type { Duplex } from 'node:stream'
import type { Answering } from './answering.ts'
import { MAX_BODY } from './contract.ts'
import { createCalls } from './line-calls.ts'
import { splitLines } from './lines.ts'
import { tooLarge } from './request.ts'
import { LINES_PROTOCOL } from './route-table.ts'

/**
 * The verbs as lines of JSON: `{id, verb, input}` is answered by `{id, answer}` or `{id, error}`, each as soon as it is known;
 * `{id, gone: true}` gives a call up. What is no call is answered with the id null. The end of the connection gives up all.
 */
export interface Lines {
  /** Takes over a connection that asked for lines. */
  take(socket: Duplex, head: Buffer): void
  /** Ends each connection after the calls that have come in; takes none any more. */
  end(): void
  /** Cuts off what is still there. */
  cut(): void
}

const SWITCHED = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${LINES_PROTOCOL}\r\n\r\n`

export function createLines(answering: Answering): Lines {
  const open = new Map<Duplex, { end(): void }>()
  let ended = false
  return {
    take(socket, head) {
      socket.write(SWITCHED)
      const connection = answerLines(socket, answering)
      open.set(socket, connection)
      socket.once('close', () => open.delete(socket))
      if (head.length > 0) socket.unshift(head)
      if (ended) connection.end()
    },
    end() {
      ended = true
      for (const connection of open.values()) connection.end()
    },
    cut() {
      for (const socket of open.keys()) socket.destroy()
    },
  }
}

/**
 * Lines that one connection may have answered before others have their turn: what they ask waits behind them, and behind the
 * commit that they share.
 */
const TURN = 16

function answerLines(socket: Duplex, answering: Answering): { end(): void } {
  let arrived: Buffer[] = []
  let ending = false
  const write = (line: object) => {
    if (socket.writable && !socket.write(`${JSON.stringify(line)}\n`)) socket.pause()
  }
  const endWhenDone = () => {
    if (ending && arrived.length + calls.underWay() === 0) socket.end(() => socket.destroy())
  }
  const calls = createCalls(answering, write, endWhenDone)
  const goOn = () => {
    if (!ending && arrived.length === 0 && !socket.writableNeedDrain) socket.resume()
  }
  const takeTurn = () => {
    for (const line of arrived.splice(0, TURN)) calls.take(line)
    if (arrived.length > 0) setImmediate(takeTurn)
    else if (socket.isPaused()) goOn()
    endWhenDone()
  }
  const giveUp = () => {
    arrived = []
    calls.giveUp()
  }
  const end = () => {
    ending = true
    socket.pause()
    endWhenDone()
  }
  const refuse = () => {
    giveUp()
    socket.end(`${JSON.stringify({ id: null, error: tooLarge('line').toBody() })}\n`, () => socket.destroy())
  }
  const split = splitLines(MAX_BODY, (line) => arrived.push(line), refuse)
  socket.on('data', (chunk) => {
    split(chunk)
    if (arrived.length > TURN) socket.pause() // until these have had their turn
    takeTurn()
  })
  socket.on('drain', goOn)
  socket.on('error', () => {}) // its close follows
  socket.on('close', giveUp)
  socket.on('end', () => {
    giveUp()
    end()
  })
  return { end }
}
