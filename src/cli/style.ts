import { styleText } from 'node:util'
import type { Environment } from '../config/load.ts'

/** Colours, where they are wanted. */

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'magenta' | 'dim' | 'bold'
export type Paint = (colour: Colour | undefined, text: string) => string

/** FORCE_COLOR and NO_COLOR are heard (in this order), then whether the output is a terminal that knows colours. */
export function wantsColour({ env, stdoutTty }: Pick<Environment, 'env' | 'stdoutTty'>): boolean {
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  if (env.NO_COLOR) return false
  return stdoutTty && env.TERM !== 'dumb'
}

export function createPaint(coloured: boolean): Paint {
  return (colour, text) =>
    coloured && colour && text ? styleText(colour, text, { validateStream: false }) : text
}

const STATES: Record<string, Colour> = {
  accepted: 'green',
  dead: 'red',
  cancelled: 'yellow',
  waiting: 'magenta',
  queued: 'dim',
}

/** Colour of a task's state; what is under way is cyan. */
export const colourOf = (state: string): Colour => STATES[state] ?? 'cyan'
