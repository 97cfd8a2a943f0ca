import type { RunView, TaskView } from '../../api/contract.ts'
import { oneLine } from '../../text.ts'
import type { Cli } from '../cli.ts'
import { activity } from '../story.ts'
import { colourOf } from '../style.ts'
import { isFinal, pullText, stateText } from '../task-lines.ts'
import { since } from '../time.ts'
import { cells, cut } from '../width.ts'
import type { Progress } from './follow.ts'

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const EVERY_MS = 120
const HIDE = '\u001b[?25l'
const SHOW = '\u001b[?25h'
const STATE_CELLS = 22

/** Progress on a terminal: one line a task, drawn again in place. */
export function createBlock(cli: Cli, run: RunView): Progress {
  const doing = new Map<string, string>()
  let current = run
  let drawn = 0
  let frame = 0
  // \r: the terminal has written ^C at the cursor when a person pressed it
  const clear = () => (drawn > 0 ? `\r\u001b[${drawn}A\u001b[0J` : '')
  const draw = () => {
    const lines = blockLines(cli, current.tasks, doing, FRAMES[frame % FRAMES.length] ?? '')
    cli.world.out(`${clear()}${lines.map((line) => `${line}\n`).join('')}`)
    drawn = lines.length
  }
  const stop = cli.world.clock.every(EVERY_MS, () => {
    frame += 1
    draw()
  })
  cli.world.out(HIDE)
  draw()
  return {
    happened(event) {
      const now = activity(event)
      if (now && event.taskId) doing.set(event.taskId, now)
    },
    changed: (next) => {
      current = next
      draw()
    },
    said(text) {
      cli.world.out(clear())
      drawn = 0
      cli.note(text)
      draw()
    },
    end() {
      stop()
      cli.world.out(`${clear()}${SHOW}`)
      drawn = 0
    },
  }
}

/** As many lines as the terminal has room for; tasks under way come first when there is not enough. */
export function blockLines(
  cli: Pick<Cli, 'world' | 'paint'>,
  tasks: TaskView[],
  doing: ReadonlyMap<string, string>,
  spinner: string,
): string[] {
  const { rows } = cli.world.size()
  const room = Math.max(1, rows - 2)
  if (tasks.length <= room) return tasks.map((task) => taskLine(cli, task, doing.get(task.id), spinner))
  const rank = (task: TaskView) => (task.state === 'queued' ? 1 : isFinal(task) ? 2 : 0)
  const shown = tasks.toSorted((a, b) => rank(a) - rank(b)).slice(0, room - 1)
  const done = tasks.filter(isFinal).length
  const more = `… and ${tasks.length - shown.length} more; ${done} of ${tasks.length} have ended`
  return [...shown.map((task) => taskLine(cli, task, doing.get(task.id), spinner)), cli.paint('dim', more)]
}

function taskLine(
  { world, paint }: Pick<Cli, 'world' | 'paint'>,
  task: TaskView,
  doing: string | undefined,
  spinner: string,
): string {
  const now = world.clock.now()
  const mark = task.state === 'accepted' ? '✓' : isFinal(task) ? '✗' : task.state === 'queued' ? '·' : spinner
  const state = cut(stateText(task, now), STATE_CELLS)
  const age = since(task.createdAt, isFinal(task) ? Date.parse(task.updatedAt) : now).padStart(6)
  const pull = pullText(task)
  const word = isFinal(task) ? task.reason?.message : doing
  const text = [pull, oneLine(task.title, 200), word && `— ${oneLine(word, 200)}`].filter(Boolean).join(' ')
  const head = `${mark} ${task.id} ${state}${' '.repeat(Math.max(0, STATE_CELLS - cells(state)))} ${age} `
  const room = world.size().columns - 1
  if (cells(head) >= room) return paint(colourOf(task.state), cut(`${mark} ${task.id} ${state}`, room))
  return paint(colourOf(task.state), head) + cut(text, room - cells(head))
}
