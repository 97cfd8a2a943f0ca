import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on loopback that makes trouble: what a network does to a connection, on demand. */
export interface Proxy {
  port: number
  url: string
  /** Ends every connection with a reset and refuses new ones, until `resume`. */
  cut(): void
  /** Ends every connection with a reset; new ones are taken. */
  reset(): void
  /**
   * Lets nothing through in either direction while connections stay open (half-open), new ones too, until `resume`; with
   * `only` just those that were the so-manieth to come (from 0).
   */
  hold(only?: readonly number[]): void
  /** Every piece of data takes so many ms longer, in each direction. */
  delay(ms: number): void
  /** Ends `cut`, `hold` and `delay`. What was held goes on its way. */
  resume(): void
  /** Another port on loopback from now on; connections that are there stay. */
  target(port: number): void
  connections(): number
  /** How many were refused since it was cut. */
  refused(): number
  dispose(): Promise<void>
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const pairs = new Set<[Socket, Socket]>()
  let target = targetPort
  let refusing = false
  let refused = 0
  let held: (() => void)[] | undefined
  let delayed = 0
  let heldOnly: readonly number[] | undefined
  let count = 0

  const pass = (index: number, from: Socket, to: Socket) => {
    const holding = () => (heldOnly && !heldOnly.includes(index) ? undefined : held)
    const write = (data: Buffer) => void (to.writable && to.write(data))
    from.on('data', (data) => {
      const go = () => write(data)
      const waiting = holding()
      if (waiting) waiting.push(go)
      else if (delayed > 0) setTimeout(go, delayed)
      else go()
    })
    from.on('error', () => {})
    from.on('close', () => {
      const end = () => to.destroy()
      const waiting = holding()
      if (waiting) waiting.push(end)
      else end()
    })
  }
  const server = createServer((client) => {
    if (refusing) {
      refused += 1
      return void client.resetAndDestroy()
    }
    const upstream = connect(target, '127.0.0.1')
    const pair: [Socket, Socket] = [client, upstream]
    pairs.add(pair)
    for (const socket of pair) socket.setNoDelay(true).on('close', () => pairs.delete(pair))
    const index = count++
    pass(index, client, upstream)
    pass(index, upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }

  const reset = () => {
    for (const [client, upstream] of [...pairs]) {
      client.resetAndDestroy()
      upstream.destroy()
    }
    pairs.clear()
  }
  const resume = () => {
    refusing = false
    delayed = 0
    const waiting = held ?? []
    held = undefined
    for (const go of waiting) go()
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    cut() {
      refusing = true
      refused = 0
      reset()
    },
    reset,
    hold(only) {
      held ??= []
      heldOnly = only
    },
    delay(ms) {
      delayed = ms
    },
    resume,
    target(next) {
      target = next
    },
    connections: () => pairs.size,
    refused: () => refused,
    async dispose() {
      held = undefined
      reset()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
