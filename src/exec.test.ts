import { expect, it } from 'vitest'
import { exec } from './exec.ts'

const env = { PATH: process.env.PATH ?? '' }

it('tells a missing program from a missing directory: the one is hopeless, the other is not', async () => {
  await expect(exec(['no-such-program'], { env })).rejects.toMatchObject({ code: 'E_PROGRAM_MISSING' })
  await expect(exec(['true'], { env, cwd: '/no/such/place' })).rejects.toMatchObject({
    code: 'E_WORKSPACE',
    message: 'cannot start true in /no/such/place: there is no such directory',
  })
})
