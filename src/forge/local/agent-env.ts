import { gitConfigEnv } from '../../git-config-env.ts'

/**
 * What lets an agent push with plain `git push`: a remote `orch` that exists only in its environment, so that nothing
 * is written into the person's configuration. There is no fetch refspec, so that pushing leaves no tracking refs.
 *
 * Which branch an agent pushes is not decided here (no configuration can). The bare repository refuses deletion,
 * rewriting and any push to a base branch (bare-creation.ts, base.ts), and whatever else an agent pushes is not the
 * head that its proof asks for.
 */
export function pushEnvironment(bareRepository: string): Record<string, string> {
  return gitConfigEnv([
    ['remote.orch.url', bareRepository],
    ['remote.pushDefault', 'orch'],
    ['remote.orch.push', 'HEAD'], // with push.default a push.autoSetupRemote would write into the person's configuration
  ])
}
