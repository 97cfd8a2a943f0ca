import { createServer, type Server } from 'node:net'
import { OrchError } from '../errors.ts'

/**
 * `count` TCP ports of the loopback interface that are free now, all different and none of `taken`. Nothing holds them
 * until the agent binds them: give each agent its own by passing those of the running ones as `taken`.
 * @throws OrchError E_WORKSPACE when so many are not to be had
 */
export async function freePorts(count: number, taken: ReadonlySet<number> = new Set()): Promise<number[]> {
  const servers: Server[] = []
  const ports: number[] = []
  try {
    for (let tries = 0; ports.length < count && tries < count * 20 + 20; tries++) {
      const server = createServer()
      servers.push(server) // kept open until the end, so that no port comes twice
      const port = await listen(server)
      if (!taken.has(port)) ports.push(port)
    }
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
  if (ports.length === count) return ports
  throw new OrchError('E_WORKSPACE', `only ${ports.length} of ${count} free ports were found`)
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new OrchError('E_WORKSPACE', `no free port: ${cause.message}`, { cause })),
    )
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      resolve(address && typeof address === 'object' ? address.port : 0)
    })
  })
}
