import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../support/temporary.ts'
import { realAgent } from './suite.ts'

realAgent({
  name: 'pi',
  settings: (url) => {
    const home = temporaryDirectory('orch-pi')
    const provider = {
      baseUrl: `${url}/v1`,
      api: 'openai-completions',
      apiKey: 'OPENAI_API_KEY',
      models: [{ id: 'scripted', contextWindow: 200_000, maxTokens: 8_000 }],
    }
    writeFileSync(join(home, 'models.json'), JSON.stringify({ providers: { local: provider } }))
    return { PI_CODING_AGENT_DIR: home, OPENAI_API_KEY: 'sk-dummy', PI_OFFLINE: '1' }
  },
  model: 'local/scripted',
  turns: 2,
  mcp: false,
  givesUpAfter: 20,
})
