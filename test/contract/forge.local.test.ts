import { localForge } from '../support/local-forge.ts'
import { forgeContract } from './forge.ts'

forgeContract('local', () => localForge())
