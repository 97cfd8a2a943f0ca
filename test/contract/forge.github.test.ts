import { afterAll, beforeAll } from 'vitest'
import { describeGithub } from '../fixtures/github/gh.ts'
import { personOf } from '../fixtures/github/person.ts'
import { type LoopbackGithub, startGithub } from '../fixtures/github/server.ts'
import { forgeContract } from './forge.ts'

describeGithub('through the real gh, on loopback', () => {
  let github: LoopbackGithub
  beforeAll(async () => {
    github = await startGithub()
  })
  afterAll(() => github.close())
  forgeContract('github', () => personOf(github))
})
