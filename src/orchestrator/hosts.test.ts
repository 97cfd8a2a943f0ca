import { expect, test } from 'vitest'
import type { Host } from '../store/store.ts'
import { unmetNeeds } from './hosts.ts'

const host = (...offers: string[]) => ({ offers }) as Host
const CLAUDE = { driver: 'claude', labels: ['gpu'] }

test('a task that some host can take has no unmet needs', () => {
  expect(unmetNeeds(CLAUDE, [host(), host('driver:claude', 'label:gpu', 'label:linux')])).toEqual([])
  expect(unmetNeeds({ driver: 'command' }, [host()])).toEqual([])
})

test('what nobody has is named', () => {
  expect(unmetNeeds(CLAUDE, [host('driver:claude'), host('driver:codex')])).toEqual(['label:gpu'])
  expect(unmetNeeds(CLAUDE, [])).toEqual(['driver:claude', 'label:gpu'])
  expect(unmetNeeds({ driver: 'command' }, [])).toEqual([])
})

test('what no single host has together is named as a whole', () => {
  expect(unmetNeeds(CLAUDE, [host('driver:claude'), host('label:gpu')])).toEqual([
    'driver:claude',
    'label:gpu',
  ])
})
