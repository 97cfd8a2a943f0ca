/** An address for the eyes of people: its password is left out. What is no URL is given as it is. */
export function withoutPassword(url: string): string {
  // A password with a raw slash makes no URL; it is one that must not be shown all the same.
  const parts = /^([a-z]+:\/\/)([^/?#]*)@(.*)$/is.exec(url) ?? /^([a-z]+:\/\/)(.*)@(.*)$/is.exec(url)
  const [, scheme, login, rest] = parts ?? []
  return login?.includes(':') ? `${scheme}${login.slice(0, login.indexOf(':'))}:***@${rest}` : url
}

/** The same in everything that `value` holds: strings that are URLs with a password. */
export function redacted<T>(value: T): T {
  if (typeof value === 'string') return withoutPassword(value) as T
  if (Array.isArray(value)) return value.map(redacted) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, redacted(it)])) as T
}
