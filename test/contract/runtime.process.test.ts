import { describe } from 'vitest'
import { spawnDetached } from '../../src/exec.ts'
import { createProcessRuntime } from '../../src/runtime/process/process.ts'
import { runtimeContract } from './runtime.ts'

const env = { PATH: process.env.PATH ?? '' }

describe('process', () => {
  runtimeContract((root, directories) => createProcessRuntime({ root, directories, spawnDetached, env }))
})
