import { expect, test } from 'vitest'
import { isGithub, parseRemote } from './remote.ts'

const sample = { host: 'github.com', owner: 'sam', name: 'sample' }

test.each([
  'https://github.com/sam/sample',
  'https://github.com/sam/sample.git',
  'https://github.com/sam/sample/',
  'https://sam:secret@github.com/sam/sample.git',
  'http://GitHub.com/sam/sample.git',
  'https://www.github.com/sam/sample',
  'git@github.com:sam/sample.git',
  'git@github.com:sam/sample',
  'git@github.com:/sam/sample.git',
  'github.com:sam/sample.git',
  'ssh://git@github.com/sam/sample.git',
  'ssh://git@ssh.github.com:443/sam/sample.git',
  'git+ssh://git@github.com/sam/sample.git',
])('%s is sam/sample', (url) => {
  expect(parseRemote(url)).toEqual(sample)
})

test.each([
  ['git@git.example.org:team-a/my.site.git', { host: 'git.example.org', owner: 'team-a', name: 'my.site' }],
  ['https://acme.ghe.com/o_e/r-1', { host: 'acme.ghe.com', owner: 'o_e', name: 'r-1' }],
  ['https://github.com/sam/.github.git', { host: 'github.com', owner: 'sam', name: '.github' }],
])('%s', (url, remote) => {
  expect(parseRemote(url)).toEqual(remote)
})

test.each([
  '',
  '/srv/git/sam/sample.git',
  '../sam/sample',
  'file:///srv/git/sample.git',
  'C:\\sam\\sample',
  'https://github.com/sam',
  'https://github.com/sam/sample/tree/main',
  'https://github.com/sam/..',
  'https://github.com/-sam/sample',
  'https:///sam/sample',
  'ext::sh -c touch% x sam/sample',
  '--upload-pack=touch:sam/sample',
  'git@github.com:sam/sam ple.git',
  'git@github.com:sam/$(id).git',
])('%j is no GitHub repository', (url) => {
  expect(parseRemote(url)).toBeUndefined()
  expect(isGithub(url, {})).toBe(false)
})

test('github.com, ghe.com tenants and the host in GH_HOST are GitHub', () => {
  expect(isGithub('git@github.com:sam/sample.git', {})).toBe(true)
  expect(isGithub('https://acme.ghe.com/sam/sample', {})).toBe(true)
  expect(isGithub('https://git.example.org/sam/sample', {})).toBe(false)
  expect(isGithub('https://git.example.org/sam/sample', { GH_HOST: 'git.Example.org' })).toBe(true)
  expect(isGithub('https://notgithub.com/sam/sample', {})).toBe(false)
})
