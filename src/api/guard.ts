import { createHash, timingSafeEqual } from 'node:crypto'
import { lstat, readFile, rename, writeFile } from 'node:fs/promises'
import type { Context, MiddlewareHandler } from 'hono'
import { OrchError } from '../errors.ts'
import type { Ids } from '../id.ts'
import { refuse } from './server.ts'

/** The door of the loopback port. The Unix socket needs none: only its owner can reach into the directory it is in. */

export interface Door {
  token: string
  /** The port that we answer on; known once we listen. */
  port: () => number
}

/**
 * Lets in who sends the token, under a loopback name of ours (a page that rebinds its own name to 127.0.0.1 sends its
 * own Host), from no other origin (a page on another port sends its Origin).
 */
export function guard({ token, port }: Door): MiddlewareHandler {
  const expected = digest(token)
  return async (context, next) => {
    const refused = misplaced(context, port()) ?? unauthorized(context, expected)
    return refused ? refuse(context, refused) : next()
  }
}

/** Lets in who calls us by a loopback name of ours and from no other origin, whoever it is. */
export function guardPlace(port: Door['port']): MiddlewareHandler {
  return async (context, next) => {
    const refused = misplaced(context, port())
    return refused ? refuse(context, refused) : next()
  }
}

function misplaced(context: Context, port: number): OrchError | undefined {
  const hosts = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`)
  const host = context.req.header('host')?.toLowerCase()
  if (!host || !hosts.includes(host))
    return new OrchError('E_FORBIDDEN', 'this is not the name of a host of ours')
  const origin = context.req.header('origin')
  if (origin === undefined || hosts.some((own) => origin === `http://${own}`)) return undefined
  return new OrchError('E_FORBIDDEN', 'requests from pages of another origin are not answered')
}

function unauthorized(context: Context, expected: Buffer): OrchError | undefined {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? []
  if (timingSafeEqual(digest(given), expected)) return undefined
  context.header('www-authenticate', 'Bearer')
  return new OrchError('E_UNAUTHORIZED', 'the token is missing or wrong')
}

/** Digests have one length, so that the comparison takes one time whatever is sent. */
const digest = (text: string) => createHash('sha256').update(text).digest()

/** The token in `file` (0600); made when there is none that can be used. Only the owner of the store calls it. */
export async function ensureToken(file: string, ids: Pick<Ids, 'token'>): Promise<string> {
  const stat = await lstat(file).catch(() => undefined)
  if (stat?.isFile() && (stat.mode & 0o077) === 0) {
    const text = (await readFile(file, 'utf8')).trim()
    if (/^[0-9a-f]{64}$/.test(text)) return text
  }
  const token = ids.token()
  await writeFile(`${file}.new`, `${token}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return token
}
