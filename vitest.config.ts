import { configDefaults, defineConfig } from 'vitest/config'

/** Tests that run the compiled program. */
const BUILT = ['test/e2e/cli/**/*.test.ts', 'test/e2e/lies.test.ts', 'test/crash/{kills,messages}.test.ts']
const FOR_ALL = ['test/support/memory-disk.ts', 'test/support/redis-for-all.ts']

export default defineConfig({
  test: {
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } }, // one second is not enough where others work, too
    pool: 'forks',
    maxWorkers: 2,
    // as our daemons have it: each program that is started costs a copy of the tables of all our memory
    execArgv: ['--max-semi-space-size=1'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90, statements: 90 },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          globalSetup: FOR_ALL,
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'script/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...BUILT],
        },
      },
      {
        extends: true,
        test: { name: 'program', include: BUILT, globalSetup: ['test/support/built.ts', ...FOR_ALL] },
      },
    ],
  },
})
