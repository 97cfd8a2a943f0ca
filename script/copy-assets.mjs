// Copies what the compiler leaves behind (shell scripts, SQL, …) from src to the build: node script/copy-assets.mjs [dist]
import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
cpSync(join(root, 'src'), process.argv[2] ?? join(root, 'dist'), {
  recursive: true,
  filter: (path) => !path.endsWith('.ts'),
})
