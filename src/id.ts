/** Ids that people can type and that are safe as file, branch and tmux names: a letter, a dash, 12 base32 characters. */

export type RunId = `r-${string}`
export type TaskId = `t-${string}`
export type MessageId = `m-${string}`

/** What a name given to tmux, a directory or a branch must look like. tmux runs `#(…)` in anything else. */
export const SAFE_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/

/** Crockford's base32, lower case: no i, l, o or u, so that an id read aloud arrives. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** Gives `length` random bytes; injected so that tests can repeat a run. */
export type Random = (length: number) => Uint8Array

export interface Ids {
  run(): RunId
  task(): TaskId
  message(): MessageId
  /** RFC 9562, version 4: names words said to agents. */
  uuid(): string
  /** 32 random bytes as hex: bearer tokens. */
  token(): string
  /** Uniform in [0, 1): jitter. */
  fraction(): number
}

/** Makes ids from a source of random bytes. 12 characters are 60 bits. */
export function createIds(random: Random): Ids {
  const word = () => Array.from(random(12), (byte) => ALPHABET[byte % 32]).join('')
  return {
    run: () => `r-${word()}`,
    task: () => `t-${word()}`,
    message: () => `m-${word()}`,
    uuid: () => uuidOf(random(16)),
    token: () => Buffer.from(random(32)).toString('hex'),
    fraction: () => Buffer.from(random(4)).readUInt32BE(0) / 2 ** 32,
  }
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes)
  hex[6] = ((hex[6] ?? 0) & 0x0f) | 0x40
  hex[8] = ((hex[8] ?? 0) & 0x3f) | 0x80
  return hex.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

export function systemRandom(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}
