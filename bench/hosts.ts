import { share, storm } from '../test/support/storm.ts'

/**
 * Hosts that die, hang and lose the network while they work on many short tasks, and Redis is killed meanwhile. The journal
 * and the agents' own notes are checked afterwards (test/support/history.ts).
 *
 *   node bench/hosts.ts [HOSTS=8] [TASKS=2000] [MINUTES=60]
 */
const [hosts = 8, tasks = 2_000, minutes = 60] = process.argv.slice(2).map(Number)

const report = await storm({
  hosts,
  tasks,
  ticks: 3,
  leaseSeconds: 6,
  troubles: tasks / 10,
  everyMs: 5_000,
  restarts: 5,
  agentsPerHost: 3,
  withinMs: minutes * 60_000,
  log: (line) => console.error(line),
})
const { takeovers, faults } = report
const of = (...kinds: string[]) => faults.filter(({ kind }) => kinds.includes(kind)).length
console.log(
  `${tasks} tasks, ${hosts} hosts, ${Math.round(report.seconds)} s; ${JSON.stringify(report.troubles)}`,
)
console.log(
  `takeovers: ${takeovers.length}; ms from the end of the lease to the next attempt: p50 ${share(takeovers, 0.5)}, p99 ${share(takeovers, 0.99)}, max ${share(takeovers, 1)}`,
)
console.log(
  `lost ${of('lost')}, run by two at once ${of('overlap')}, twice ${of('twice')}, late writes taken ${of('late')}, other faults ${of('lease', 'arrow', 'stray', 'order')}; tries used up ${report.used}; pull requests ${report.pulls}`,
)
for (const { kind, task, what } of faults.slice(0, 50)) console.log(kind, task, what)
process.exitCode = faults.length > 0 ? 1 : 0
