import { OrchError } from '../errors.ts'

/** The files that make orchd a service, as pure functions. */

export interface ServiceSpec {
  argv: readonly string[]
  env: Readonly<Record<string, string>>
  /** The state directory. */
  state: string
  /** What the daemon prints goes there (launchd; systemd has its journal). */
  output: string
}

/**
 * A user unit of systemd. Agents and the tmux server are children in the unit's group: `KillMode=process` leaves them
 * alive when the daemon stops or crashes.
 * @throws OrchError E_INVALID
 */
export function systemdUnit(spec: ServiceSpec): string {
  const environment = Object.entries(spec.env).map(
    ([key, value]) => `Environment=${quoted(`${key}=${value}`)}`,
  )
  return `[Unit]
Description=orchd: runs a team of coding agents
StartLimitIntervalSec=60
StartLimitBurst=10

[Service]
ExecStart=${spec.argv.map((word) => quoted(word).replaceAll('$', '$$$$')).join(' ')}
${environment.join('\n')}
UMask=0077
KillMode=process
TimeoutStopSec=10
Restart=on-failure
RestartSec=1

[Install]
WantedBy=default.target
`
}

/** In systemd's quotes; `%` begins a specifier everywhere. */
function quoted(word: string): string {
  return `"${writable(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`
}

/**
 * A launchd agent. `AbandonProcessGroup` leaves agents alive when the daemon stops or crashes; a daemon that leaves
 * with 0 (stopped, or another one is there) is not started again.
 * @throws OrchError E_INVALID
 */
export function launchdPlist(spec: ServiceSpec): string {
  const text = (value: string) => `<string>${escaped(value)}</string>`
  const environment = Object.entries(spec.env).map(
    ([key, value]) => `    <key>${escaped(key)}</key>${text(value)}`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>dev.orch.orchd</string>
  <key>ProgramArguments</key>
  <array>
${spec.argv.map((word) => `    ${text(word)}`).join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
${environment.join('\n')}
  </dict>
  <key>WorkingDirectory</key>${text(spec.state)}
  <key>StandardOutPath</key>${text(spec.output)}
  <key>StandardErrorPath</key>${text(spec.output)}
  <key>Umask</key><integer>63</integer>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>AbandonProcessGroup</key><true/>
</dict>
</plist>
`
}

function escaped(value: string): string {
  return writable(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function writable(value: string): string {
  if (!/\p{Cc}/u.test(value)) return value
  throw new OrchError(
    'E_INVALID',
    `a path with control characters cannot go into a service's file: ${JSON.stringify(value)}`,
  )
}
