import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'

/** What Orch knows of a checkout, in files beside it (`<path>.json` …), where no agent's `git clean` reaches. */

const recordSchema = z.object({ branch: z.string() })
export type WorkspaceRecord = z.infer<typeof recordSchema>

/** Written when the checkout is complete: one without a record holds only a part of the files and must not be saved. */
export async function writeRecord(path: string, record: WorkspaceRecord): Promise<void> {
  await writeWhole(`${path}.json`, JSON.stringify(record))
}

export async function readRecord(path: string): Promise<WorkspaceRecord | undefined> {
  return recordSchema.safeParse(await readJson(`${path}.json`)).data
}

/** Paths that set-up steps put into the checkout: they belong in no commit. */
export async function writeSetUp(path: string, paths: readonly string[]): Promise<void> {
  await writeWhole(`${path}.setup.json`, JSON.stringify(paths))
}

export async function readSetUp(path: string): Promise<string[]> {
  return z.array(z.string()).safeParse(await readJson(`${path}.setup.json`)).data ?? []
}

/** Where the patterns are written that an agent's git is told to ignore. */
export const ignoreFile = (path: string): string => `${path}.ignore`

export async function removeRecords(path: string): Promise<void> {
  const files = [`${path}.json`, `${path}.setup.json`, ignoreFile(path)]
  await Promise.all(files.map((file) => rm(file, { force: true })))
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return undefined
  }
}
