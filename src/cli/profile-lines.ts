import type { Answer } from '../api/contract.ts'
import { oneLine } from '../text.ts'
import { count } from './count.ts'
import type { Paint } from './style.ts'
import { type TableOptions, table } from './table.ts'

/** How profiles look in a terminal. */

type Profiles = Answer<'profiles'>['profiles']
type Checked = Answer<'checkProfiles'>['checked']

const COLUMNS = [
  { title: 'NAME' },
  { title: 'FROM' },
  { title: 'AGENT' },
  { title: 'MODEL' },
  { title: 'DESCRIPTION', flexible: true },
  { title: 'CAPABILITIES', flexible: true },
]

/** One line each; what another one of the same name hides is dim below it. */
export function profileTable(profiles: Profiles, options: TableOptions): string {
  const rows = profiles.map((it) => {
    const cells = [
      it.name,
      it.hiddenBy ? `${it.origin}, hidden` : it.origin,
      it.driver ?? '',
      oneLine(it.model ?? it.tier, 30),
      oneLine(it.description, 100),
      it.capabilities.join(' '),
    ]
    return it.hiddenBy ? cells.map((text) => ({ text, colour: 'dim' as const })) : cells
  })
  return table(COLUMNS, rows, options)
}

/** A line for each fault and warning, and the sum. */
export function checkedLines(checked: Checked, paint: Paint): string {
  const lines = checked.flatMap(({ faults, warnings }) => [
    ...faults.map((it) => `${paint('red', 'fault')}    ${oneLine(it, 500)}`),
    ...warnings.map((it) => `${paint('yellow', 'warning')}  ${oneLine(it, 500)}`),
  ])
  const broken = checked.filter(({ faults }) => faults.length > 0).length
  const sum =
    broken > 0
      ? `${count(checked.length, 'file')}, ${broken} cannot be used`
      : `${count(checked.length, 'file')}: good`
  return `${[...lines, sum].join('\n')}\n`
}
