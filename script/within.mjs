// Runs a program and ends its whole process group after so many seconds: node script/within.mjs SECONDS PROGRAM ARGS
import { spawn } from 'node:child_process'

const [seconds, program, ...args] = process.argv.slice(2)
const child = spawn(program, args, { stdio: 'inherit', detached: true })
const end = (signal) => {
  try {
    process.kill(-child.pid, signal)
  } catch {} // it ended already
}
const timer = setTimeout(() => {
  console.error(`${program}: not finished after ${seconds} s`)
  end('SIGTERM')
  setTimeout(end, 5_000, 'SIGKILL').unref()
}, seconds * 1_000)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(signal))
child.on('close', (code) => {
  clearTimeout(timer)
  process.exitCode = code ?? 1
})
