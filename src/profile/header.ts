import { LineCounter, parseDocument } from 'yaml'

/** A Markdown file with a YAML header between two lines `---`, as agent programs write their sub-agents. */

/** Something to say of a file, and where. */
export interface Remark {
  line?: number
  what: string
}

export interface HeaderText {
  values: Record<string, unknown>
  /** The text below the header. */
  body: string
  /** Line of the file where a value stands, or the nearest part of it. */
  lineOf(path: readonly PropertyKey[]): number
  warnings: Remark[]
}

const FILE = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)^---[ \t]*(?:\r?\n|$(?![\s\S]))/m
/** More is no header but an attempt to keep the parser busy. */
const MAX_HEADER = 30_000
/** The line below the first `---`. */
const FIRST_LINE = 2

/** The lines between the two `---` and all that is below; undefined when there is no header. */
export function splitFile(text: string): { header: string; rest: string } | undefined {
  const match = FILE.exec(text)
  if (match?.index !== 0) return undefined
  return { header: match[1] ?? '', rest: text.slice(match[0].length) }
}

/** The header and the text of a file, or why there are none. */
export function readHeader(text: string): HeaderText | { faults: Remark[] } {
  const split = splitFile(text)
  if (!split) return fault(1, NO_HEADER)
  const { header, rest } = split
  if (header.length > MAX_HEADER) return fault(1, `the header is longer than ${MAX_HEADER} characters`)
  const body = rest.trim()
  const strict = parse(header)
  if (!('faults' in strict)) return { ...strict, body, warnings: [] }
  const { quoted, warnings } = quoteWhatIsText(header)
  const lenient = warnings.length > 0 ? parse(quoted) : strict
  return 'faults' in lenient ? strict : { ...lenient, body, warnings }
}

const NO_HEADER = 'there is no header: the file has to begin with a YAML header between two lines `---`'
const fault = (line: number, what: string) => ({ faults: [{ line, what }] })

function parse(header: string): Pick<HeaderText, 'values' | 'lineOf'> | { faults: Remark[] } {
  const lineCounter = new LineCounter()
  const lineAt = (offset: number) => lineCounter.linePos(offset).line + FIRST_LINE - 1
  try {
    const document = parseDocument(header, {
      uniqueKeys: true,
      schema: 'core',
      stringKeys: true,
      // Pretty errors quote the file, which may be a link to something private.
      prettyErrors: false,
      lineCounter,
    })
    // The others mostly follow from the first.
    const [error] = document.errors
    if (error) return fault(lineAt(error.pos[0]), error.message)
    const values: unknown = document.toJS({ maxAliasCount: 20 }) ?? {}
    if (typeof values !== 'object' || Array.isArray(values))
      return fault(FIRST_LINE, 'the header has to be lines of the form `key: value`')
    const rangeOf = (path: readonly PropertyKey[]) =>
      (document.getIn(path, true) as { range?: [number, number, number] } | undefined)?.range
    const lineOf = (path: readonly PropertyKey[]): number => {
      const range = path.length > 0 ? rangeOf(path) : undefined
      if (range) return lineAt(range[0])
      return path.length > 0 ? lineOf(path.slice(0, -1)) : FIRST_LINE
    }
    return { values: values as Record<string, unknown>, lineOf }
  } catch (error) {
    return fault(FIRST_LINE, `the header cannot be read: ${(error as Error).message}`)
  }
}

/**
 * Files of Claude Code have descriptions like `Use it when … user: "…"` without quotes. That is no YAML, but these files
 * are there and it reads them: such a line is taken as text.
 */
function quoteWhatIsText(header: string): { quoted: string; warnings: Remark[] } {
  const warnings: Remark[] = []
  const lines = header.split('\n').map((line, index) => {
    const [, key, value] = /^([A-Za-z][\w-]*):[ \t]+([^\s"'[{|>&!#].*?)\r?$/.exec(line) ?? []
    if (!key || !value || !/:(\s|$)|\s#|^[*%@`?,\]}-]/.test(value)) return line
    const what = `the value of ${key} was taken as plain text: it is no YAML unless it stands between quotes`
    warnings.push({ line: index + FIRST_LINE, what })
    return `${key}: ${JSON.stringify(value)}`
  })
  return { quoted: lines.join('\n'), warnings }
}
