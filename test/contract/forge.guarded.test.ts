import { createBreakers } from '../../src/breakers.ts'
import { systemClock } from '../../src/clock.ts'
import { guarded } from '../../src/forge/guarded.ts'
import { localForge } from '../support/local-forge.ts'
import { forgeContract } from './forge.ts'

forgeContract('local, behind a breaker', async () => {
  const breakers = createBreakers({ clock: systemClock, failures: 1, seconds: 60, changed: () => {} })
  const harness = await localForge()
  return { ...harness, forge: guarded(harness.forge, async () => breakers.of('forge')) }
})
