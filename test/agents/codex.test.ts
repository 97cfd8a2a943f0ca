import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../support/temporary.ts'
import { realAgent } from './suite.ts'

const CONFIG = (url: string) => `model = "scripted"
model_provider = "local"
check_for_update_on_startup = false
[model_providers.local]
name = "local"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
request_max_retries = 0
stream_max_retries = 1
[analytics]
enabled = false
[features]
plugins = false
`

realAgent({
  name: 'codex',
  settings: (url) => {
    const home = temporaryDirectory('orch-codex')
    writeFileSync(join(home, 'config.toml'), CONFIG(url))
    // It makes no sandbox from a home below the directory for temporary files.
    const TMPDIR = join(home, 'tmp')
    mkdirSync(TMPDIR)
    return { CODEX_HOME: home, OPENAI_API_KEY: 'sk-dummy', TMPDIR }
  },
  turns: 1,
  mcp: true,
  givesUpAfter: 5,
})
