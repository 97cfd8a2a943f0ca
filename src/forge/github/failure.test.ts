import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pathWith, writeProgram } from '../../../test/fixtures/github/programs.ts'
import { onGithub, request } from '../../../test/fixtures/github/stage.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'

onGithub('what goes wrong at GitHub', (stage) => {
  test('no gh: how to install it', async () => {
    const { number } = await stage.opened('topic')
    const withoutGh = stage.person.forgeWith({ PATH: await pathWith('git') })
    await expect(withoutGh.get(stage.person.repo, number)).rejects.toMatchObject({
      code: 'E_PROGRAM_MISSING',
      fix: expect.stringContaining('cli.github.com'),
    })
  })

  test('a wrong token, and none', async () => {
    for (const GH_TOKEN of ['wrong', '']) {
      const stranger = stage.person.forgeWith({ GH_TOKEN })
      await expect(stranger.find(stage.person.repo, 'topic')).rejects.toMatchObject({ code: 'E_FORGE_LOGIN' })
    }
  })

  test('the rate limit, with the time it ends; in GraphQL too', async () => {
    const { number } = await stage.opened('topic')
    stage.github.faults.add({ kind: 'rate-limit', times: 2 })
    for (const ask of [
      () => stage.person.forge.get(stage.person.repo, number),
      () => stage.person.forge.checks(stage.person.repo, number),
    ]) {
      const error = await ask().catch((it) => it)
      expect(error).toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
      expect(error.details.resetAt - Date.now()).toBeGreaterThan(1_700_000)
    }
    stage.github.faults.add({ kind: 'secondary-limit' })
    const error = await stage.person.forge.get(stage.person.repo, number).catch((it) => it)
    expect(error.details.resetAt - Date.now()).toBeGreaterThan(50_000)
  })

  test('offline: every verb says so and may be tried again', async () => {
    await stage.person.branch('topic')
    const nowhere = 'http://127.0.0.1:1'
    const proxies = { HTTP_PROXY: nowhere, http_proxy: nowhere, HTTPS_PROXY: nowhere, https_proxy: nowhere }
    const offline = stage.person.forgeWith(proxies)
    const { repo } = stage.person
    const verbs = [
      () => offline.base(repo, 'main'),
      () => offline.head(repo, 'topic'),
      () => offline.push(repo, 'topic'),
      () => offline.find(repo, 'topic'),
      () => offline.open(repo, request('topic')),
      () => offline.get(repo, 1),
      () => offline.checks(repo, 1),
    ]
    for (const verb of verbs)
      await expect(verb()).rejects.toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
  })

  test('a repository that GitHub does not know', async () => {
    await stage.person.branch('topic')
    await stage.person.git(['remote', 'set-url', 'origin', 'http://github.localhost/sam/nothing.git'])
    for (const verb of [stage.person.forge.find, stage.person.forge.head, stage.person.forge.push])
      await expect(verb(stage.person.repo, 'topic')).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  })

  test('no origin, and one that is no GitHub', async () => {
    await stage.person.git(['remote', 'set-url', 'origin', 'ext::sh -c touch% /tmp/never'])
    await expect(stage.person.forge.push(stage.person.repo, 'main')).rejects.toMatchObject({
      code: 'E_INVALID',
    })
    await stage.person.git(['remote', 'remove', 'origin'])
    await expect(stage.person.forge.head(stage.person.repo, 'main')).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
    })
  })

  test('a page of something else in between', async () => {
    const scripted = temporaryDirectory()
    const answer = 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in to the Wi-Fi</html>'
    const program = `#!/bin/sh\nprintf '${answer.replaceAll('\r\n', '\\r\\n')}'\n`
    await writeProgram(join(scripted, 'gh'), program)
    const behindPortal = stage.person.forgeWith({ PATH: `${scripted}:${stage.github.env.PATH}` })
    await expect(behindPortal.find(stage.person.repo, 'topic')).rejects.toMatchObject({
      code: 'E_FORGE',
      details: { retryable: true },
    })
  })
})
