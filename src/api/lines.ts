const NEWLINE = 0x0a

/** Gives each whole line of what it is fed; `tooLong` once when one has more than `most` bytes, and nothing after it. */
export function splitLines(
  most: number,
  take: (line: Buffer) => void,
  tooLong: () => void,
): (chunk: Buffer) => void {
  let begun: Buffer[] = []
  let size = 0
  const fits = (more: number) => {
    size += more
    if (size > most) tooLong()
    return size <= most
  }
  return (chunk) => {
    if (size > most) return
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      if (!fits(end - from)) return
      const last = chunk.subarray(from, end)
      const line = begun.length > 0 ? Buffer.concat([...begun, last]) : last
      begun = []
      size = 0
      from = end + 1
      take(line)
    }
    if (from < chunk.length && fits(chunk.length - from)) begun.push(chunk.subarray(from))
  }
}
