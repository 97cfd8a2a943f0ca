import { realAgent } from './suite.ts'

realAgent({
  name: 'claude',
  settings: (url) => ({
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: 'sk-dummy',
    CLAUDE_CODE_MAX_RETRIES: '1',
  }),
  turns: 2,
  mcp: true,
  cost: true,
  givesUpAfter: 5,
})
