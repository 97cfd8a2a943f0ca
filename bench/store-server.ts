import { serve } from '../src/api/serve.ts'
import { createApi } from '../src/api/server.ts'
import { prepareStateDirectory } from '../src/api/state-directory.ts'
import { pathsIn } from '../src/config/paths.ts'
import { viewTask } from '../src/daemon/handlers/views.ts'
import type { TaskId } from '../src/id.ts'
import { silentLog } from '../src/log.ts'
import { openSqliteStore } from '../src/store/sqlite/sqlite.ts'
import type { TaskSpec } from '../src/task/task.ts'
import { handlersFor } from '../test/support/daemon-handlers.ts'

/** The store behind the API in a process of its own, for bench/store.ts: `node bench/store-server.ts STATE_DIR TASKS SPEC`. */
const [state = '', count = '1', spec = '{}'] = process.argv.slice(2)
const paths = pathsIn(state)
await prepareStateDirectory(paths)
const store = await openSqliteStore({ file: paths.store })
const tasks = Array.from({ length: Number(count) }, (_, n) => ({
  id: `t-${n}` as TaskId,
  spec: JSON.parse(spec) as TaskSpec,
}))
await store.tasks.submit({ id: 'r-bench', requestId: 'bench-request', repo: '/bench', createdAt: 0 }, tasks)
const reason = { code: 'cancelled', message: 'cancelled by a person' }
const handlers = handlersFor({
  cancel: async ({ params }) =>
    viewTask(await store.tasks.cancel(params.id as TaskId, Date.now(), reason), []),
  retry: async ({ params }) => viewTask(await store.tasks.retry(params.id as TaskId, Date.now()), []),
})
await serve({ api: createApi({ handlers, journal: store.journal, log: silentLog }), paths })
console.log('serving')
