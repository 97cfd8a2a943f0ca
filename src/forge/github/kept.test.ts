import { join } from 'node:path'
import { expect, test } from 'vitest'
import { onGithub } from '../../../test/fixtures/github/stage.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'

onGithub('work that goes on, kept at GitHub', (stage) => {
  const refs = () =>
    stage.github
      .repository(stage.person.fullName)
      .git(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/orch'])

  test('one host keeps it, another has it, and it is let go of', async () => {
    const { person } = stage
    const one = await person.branch('one')
    const two = await person.branch('two', { from: 'one' })
    await person.forge.keep?.(person.repo, 't-1/1', one)
    await person.forge.keep?.(person.repo, 't-1/1', two)
    await person.forge.keep?.(person.repo, 't-1/2', one)
    await person.forge.keep?.(person.repo, 't-12/1', one)
    expect(await refs()).toBe(
      [`refs/orch/work/t-1/1 ${two}`, `refs/orch/work/t-1/2 ${one}`, `refs/orch/work/t-12/1 ${one}`].join(
        '\n',
      ),
    )
    const other = join(temporaryDirectory(), 'other')
    const git = person.git.in(other)
    await person.git(['init', '--quiet', other])
    await git(['remote', 'add', 'origin', await person.git(['remote', 'get-url', 'origin'])])
    const base = await person.forge.base(other, 'main')
    expect(await git(['rev-parse', 'refs/remotes/origin/main'])).toBe(base)
    expect(await person.forge.obtain?.(other, two)).toBe(true)
    expect(await git(['rev-parse', `refs/orch/carried/${two}`])).toBe(two)
    expect(await person.forge.obtain?.(other, '1'.repeat(40))).toBe(false)
    expect(await person.forge.obtain?.(other, '--upload-pack=x')).toBe(false)
    await person.forge.letGo?.(person.repo, 't-1/')
    await person.forge.letGo?.(person.repo, 't-1/')
    expect(await refs()).toBe(`refs/orch/work/t-12/1 ${one}`)
  })

  test('what is not there is not kept', async () => {
    const kept = stage.person.forge.keep?.(stage.person.repo, 't-1/1', '1'.repeat(40))
    await expect(kept).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  })
})
