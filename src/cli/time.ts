/** Times as people read them. */

/** `42s`, `3m12s`, `2h05m`, `3d4h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  const two = (n: number) => String(n).padStart(2, '0')
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours}h${two(minutes % 60)}m`
  return `${Math.floor(hours / 24)}d${hours % 24}h`
}

export const since = (iso: string, now: number) => duration(now - Date.parse(iso))

/** Hours, minutes and seconds in the person's own time zone. */
export function clockTime(iso: string): string {
  const time = new Date(iso)
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':')
}

/** The day and the time, in the person's own time zone. */
export function dayTime(iso: string): string {
  const time = new Date(iso)
  const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()]
  return `${day.map((n) => String(n).padStart(2, '0')).join('-')} ${clockTime(iso)}`
}

/** `12.3 MB`. */
export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`
  const unit = count < 1e6 ? 'kB' : count < 1e9 ? 'MB' : 'GB'
  const size = count / { kB: 1e3, MB: 1e6, GB: 1e9 }[unit]
  return `${size < 100 ? size.toFixed(1) : Math.round(size)} ${unit}`
}
