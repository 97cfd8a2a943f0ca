/** One command's answer on a control-mode connection. */
export interface Answer {
  ok: boolean
  lines: string[]
}

/**
 * Reads what `tmux -C` prints: `%begin TIME NUMBER FLAGS`, the lines, `%end` or `%error` with the same numbers. Answers
 * to our commands (flag 1) come in the order of the commands; everything else is a notification (`%client-detached NAME`).
 */
export function createAnswerReader(
  answered: (answer: Answer) => void,
  noticed: (notification: string) => void = () => {},
): (chunk: string) => void {
  let rest = ''
  let block: { id: string; lines: string[] } | undefined
  const read = (line: string) => {
    const [, kind, id] = /^%(begin|end|error) (\d+ \d+ \d+)$/.exec(line) ?? []
    if (!block) {
      if (kind === 'begin' && id) block = { id, lines: [] }
      else noticed(line)
    } else if (kind !== 'begin' && id === block.id) {
      const { lines } = block
      block = undefined
      if (id.endsWith(' 1')) answered({ ok: kind === 'end', lines })
    } else block.lines.push(line)
  }
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) read(line)
  }
}
