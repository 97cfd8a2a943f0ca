/** How many cells text takes on a terminal. It must be plain: without escape sequences (see plainText). */

const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const ASCII = /^[ -~]*$/
/** East Asian wide and fullwidth blocks, and emoji: two cells each. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|.\ufe0f)/u
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u

export function cells(text: string): number {
  if (ASCII.test(text)) return text.length
  let sum = 0
  for (const { segment } of segments.segment(text)) sum += cellsOf(segment)
  return sum
}

/** The beginning of the text that fits into `max` cells, marked with … when something was cut. */
export function cut(text: string, max: number): string {
  if (cells(text) <= max) return text
  if (max < 1) return ''
  let kept = ''
  let used = 0
  for (const { segment } of segments.segment(text)) {
    used += cellsOf(segment)
    if (used > max - 1) break
    kept += segment
  }
  return `${kept}…`
}

const cellsOf = (grapheme: string) => (NOTHING.test(grapheme) ? 0 : WIDE.test(grapheme) ? 2 : 1)
