import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { storeContract } from './store.ts'

storeContract('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'orch-store-'))
  const file = join(directory, 'orch.db')
  let store = await openSqliteStore({ file })
  const reopen = async () => {
    await store.close()
    store = await openSqliteStore({ file })
    return store
  }
  const dispose = async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { store, reopen, dispose }
})
