import { expect, test } from 'vitest'
import { launchdPlist, type ServiceSpec, systemdUnit } from './service-file.ts'

const spec: ServiceSpec = {
  argv: ['/opt/node/bin/node', '/opt/orch/dist/daemon/main.js'],
  env: { ORCH_STATE_DIR: '/home/ada/.local/state/orch', PATH: '/usr/bin:/bin' },
  state: '/home/ada/.local/state/orch',
  output: '/home/ada/.local/state/orch/orchd.out',
}
const awkward: ServiceSpec = {
  ...spec,
  argv: ['/opt/my node/node', '/opt/$HOME/100%/"a"\\b/<x>&y.js'],
  env: { PATH: '/a b:/$c:/50%' },
}

test('the systemd unit', () => {
  expect(systemdUnit(spec)).toMatchInlineSnapshot(`
    "[Unit]
    Description=orchd: runs a team of coding agents
    StartLimitIntervalSec=60
    StartLimitBurst=10

    [Service]
    ExecStart="/opt/node/bin/node" "/opt/orch/dist/daemon/main.js"
    Environment="ORCH_STATE_DIR=/home/ada/.local/state/orch"
    Environment="PATH=/usr/bin:/bin"
    UMask=0077
    KillMode=process
    TimeoutStopSec=10
    Restart=on-failure
    RestartSec=1

    [Install]
    WantedBy=default.target
    "
  `)
})

test('the launchd agent', () => {
  expect(launchdPlist(spec)).toMatchInlineSnapshot(`
    "<?xml version="1.0" encoding="UTF-8"?>
    <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
    <plist version="1.0">
    <dict>
      <key>Label</key><string>dev.orch.orchd</string>
      <key>ProgramArguments</key>
      <array>
        <string>/opt/node/bin/node</string>
        <string>/opt/orch/dist/daemon/main.js</string>
      </array>
      <key>EnvironmentVariables</key>
      <dict>
        <key>ORCH_STATE_DIR</key><string>/home/ada/.local/state/orch</string>
        <key>PATH</key><string>/usr/bin:/bin</string>
      </dict>
      <key>WorkingDirectory</key><string>/home/ada/.local/state/orch</string>
      <key>StandardOutPath</key><string>/home/ada/.local/state/orch/orchd.out</string>
      <key>StandardErrorPath</key><string>/home/ada/.local/state/orch/orchd.out</string>
      <key>Umask</key><integer>63</integer>
      <key>RunAtLoad</key><true/>
      <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
      <key>AbandonProcessGroup</key><true/>
    </dict>
    </plist>
    "
  `)
})

test('paths are written so that nothing in them means anything', () => {
  const unit = systemdUnit(awkward)
  expect(unit).toContain(String.raw`ExecStart="/opt/my node/node" "/opt/$$HOME/100%%/\"a\"\\b/<x>&y.js"`)
  expect(unit).toContain('Environment="PATH=/a b:/$c:/50%%"')
  expect(launchdPlist(awkward)).toContain('<string>/opt/$HOME/100%/"a"\\b/&lt;x&gt;&amp;y.js</string>')
})

test('a path that could write lines of its own is refused', () => {
  const evil = { ...spec, argv: ['/node', '/x\nExecStartPre=/bin/evil'] }
  expect(() => systemdUnit(evil)).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
  expect(() => launchdPlist(evil)).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
})
