import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../support/temporary.ts'
import { realAgent } from './suite.ts'

realAgent({
  name: 'gemini',
  settings: (url) => {
    const home = temporaryDirectory('orch-gemini')
    mkdirSync(join(home, '.gemini'))
    writeFileSync(
      join(home, '.gemini/settings.json'),
      '{ "general": { "maxAttempts": 2 } } // its own is 10\n',
    )
    return { GEMINI_CLI_HOME: home, GEMINI_API_KEY: 'dummy', GOOGLE_GEMINI_BASE_URL: url }
  },
  model: 'gemini-2.5-flash',
  turns: 2,
  mcp: true,
  givesUpAfter: 10,
})
