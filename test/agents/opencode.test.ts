import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../support/temporary.ts'
import { realAgent } from './suite.ts'

realAgent({
  name: 'opencode',
  settings: (url) => {
    const home = temporaryDirectory('orch-opencode')
    mkdirSync(join(home, 'opencode'))
    const config = { provider: { anthropic: { options: { baseURL: `${url}/v1`, apiKey: 'dummy' } } } }
    writeFileSync(join(home, 'opencode/opencode.json'), JSON.stringify(config))
    return { XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, XDG_STATE_HOME: home }
  },
  model: 'anthropic/claude-sonnet-4-5',
  turns: 2,
  mcp: true,
  givesUpAfter: 75,
})
