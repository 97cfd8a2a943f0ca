import { expect, test } from 'vitest'
import { findViolations } from './walls.ts'

/** What the walls say of one file with this text. */
const check = (path: string, text: string) => findViolations(new Map([[path, text]]))

test.each([
  ['an arrow up', 'store/store.ts', "import { x } from '../orchestrator/orchestrator.ts'"],
  ['a type import up', 'task/task.ts', "import type { X } from '../store/store.ts'"],
  ['an inline type up', 'task/task.ts', "let x: import('../store/store.ts').Store"],
  ['a dynamic import up', 'runtime/runtime.ts', "await import('../daemon/daemon.ts')"],
  ['an export up', 'errors.ts', "export * from './task/task.ts'"],
  ['an import without a name', 'errors.ts', "import './task/task.ts'"],
  ['an import over several lines', 'errors.ts', "import {\n  x,\n} from './task/task.ts'"],
  ['an import out of src', 'daemon/daemon.ts', "import x from '../../test/support/x.ts'"],
  ['a folder that has no row', 'misplaced/x.ts', "import x from '../errors.ts'"],
  ['the command line reaching the store', 'cli/run.ts', "import { x } from '../store/store.ts'"],
  ['the command line reaching the daemon', 'cli/run.ts', "import { x } from '../daemon/daemon.ts'"],
  ['an adapter named above', 'orchestrator/run-task.ts', "import { x } from '../store/sqlite/open.ts'"],
  ['a flat adapter named above', 'orchestrator/run-task.ts', "import { x } from '../workspace/worktree.ts'"],
  ['an adapter named beside', 'runtime/runtime.ts', "import { x } from './tmux/tmux.ts'"],
  ['an adapter naming another', 'runtime/tmux/tmux.ts', "import { x } from '../process/process.ts'"],
  ['a driver naming another', 'agent/claude/claude.ts', "import { x } from '../command.ts'"],
  ['what adapters share, named above', 'orchestrator/prove.ts', "import { x } from '../forge/bare.ts'"],
  [
    'a process started beside a type',
    'daemon/d.ts',
    "import type { X } from 'x'\nimport { spawn } from 'node:child_process'",
  ],
  ['a process started elsewhere', 'daemon/daemon.ts', "import { spawn } from 'node:child_process'"],
  ['a process started without node:', 'daemon/daemon.ts', "import { fork } from 'child_process'"],
  ['a cluster', 'daemon/daemon.ts', "import cluster from 'node:cluster'"],
  ['process by name', 'daemon/daemon.ts', "import { env } from 'node:process'"],
  ['the environment', 'daemon/daemon.ts', 'const x = process.env.HOME'],
  ['the environment in disguise', 'daemon/daemon.ts', "const x = process['env']"],
  ['the home directory', 'config/paths.ts', 'const x = os.homedir()'],
  ['a required module', 'daemon/daemon.ts', "const x = require('x')"],
  ['a computed import', 'daemon/daemon.ts', 'await import(name)'],
  ['node in a pure folder', 'plan/plan.ts', "import { join } from 'node:path'"],
  ['a clock in a pure folder', 'task/task.ts', 'const now = Date.now()'],
])('refuses %s', (_, path, text) => {
  expect(check(path, text)).toHaveLength(1)
})

test.each([
  ['an arrow down', 'orchestrator/run-task.ts', "import { x } from '../store/store.ts'"],
  ['the same folder', 'runtime/tmux/tmux.ts', "import { x } from './control.ts'"],
  ['an adapter and its port', 'runtime/tmux/tmux.ts', "import { x } from '../runtime.ts'"],
  ['the composition root', 'daemon/daemon.ts', "import { x } from '../store/sqlite/open.ts'"],
  ['what adapters share', 'forge/local/land.ts', "import { x } from '../bare.ts'"],
  ['a shared folder', 'runtime/stop.ts', "import { x } from './processes/processes.ts'"],
  [
    'the type of a process',
    'runtime/tmux/c.ts',
    "import type {\n  ChildProcess,\n} from 'node:child_process'",
  ],
  ['the ground', 'git.ts', "import { x } from './exec.ts'"],
  ['a package', 'cli/run.ts', "import { Command } from 'commander'"],
  ['the command line and its client', 'cli/run.ts', "import { x } from '../api/client.ts'"],
  ['a named exception', 'cli/doctor.ts', "import { x } from '../daemon/doctor/doctor.ts'"],
  ['tests', 'store/store.test.ts', "import { x } from './sqlite/open.ts'\nprocess.env.X = '1'"],
  [
    'words in comments',
    'task/task.ts',
    "/** import x from '../store/store.ts' */\n// process.env, Date.now()\n",
  ],
])('allows %s', (_, path, text) => {
  expect(check(path, text)).toEqual([])
})

test('refuses folders that say nothing and files that are too long', () => {
  expect(check('daemon/utils/x.ts', '')).toHaveLength(1)
  expect(check('daemon/long.ts', 'x\n'.repeat(301))).toHaveLength(1)
  expect(check('daemon/long.test.ts', 'x\n'.repeat(501))).toHaveLength(1)
  expect(check('daemon/fits.ts', 'x\n'.repeat(300))).toEqual([])
})

test('names the file and the line', () => {
  expect(check('errors.ts', "\n\nimport { x } from './git.ts'\nimport { y } from './task/task.ts'")).toEqual([
    'errors.ts:4: arrow up to task/task.ts',
  ])
})
