import type { ExecResult } from '../../exec.ts'
import type { BareRepository } from '../bare.ts'
import { credentialHelper } from './credentials.ts'
import type { GithubRemote } from './remote.ts'

/** Where commits go to and come from. */
export interface Place {
  bare: BareRepository
  url: string
  remote: GithubRemote
}

export const TEN_MINUTES = 600_000
/** No askpass window on the person's screen: the daemon works alone. `ext::` and `file:` addresses lead nowhere. */
const NETWORK = { GIT_ALLOW_PROTOCOL: 'https:http:ssh', GIT_ASKPASS: '', SSH_ASKPASS_REQUIRE: 'never' }

/** git in the bare repository, with the person's credentials and gh's behind them. */
export function attempt({ bare, remote }: Place, args: readonly string[]): Promise<ExecResult> {
  const [name, value] = credentialHelper(remote.host)
  return bare.git.try(['-c', `${name}=${value}`, ...args], { env: NETWORK, timeoutMs: TEN_MINUTES })
}
