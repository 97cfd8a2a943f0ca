import type { Task } from '../../task/task.ts'

/**
 * The prompt of an attempt: the task, then what is asked as proof and how to give it, then what happened before. `words`:
 * what people have said to agents of the task.
 */
export function buildPrompt(task: Task, agent: string, words: readonly string[] = []): string {
  return [
    task.spec.description,
    '',
    ...rules(task, agent),
    ...(task.epoch > 1 ? history(task) : []),
    ...(words.length > 0 ? said(words) : []),
  ].join('\n')
}

function rules({ id, spec }: Task, agent: string): string[] {
  return [
    '---',
    `You are ${agent}, working alone on task ${id} in a git worktree of your own. Branch: ${spec.branch}. Base: ${spec.base}.`,
    'The task is done only when the forge shows a pull request with your work. Nobody reads your word for it. So:',
    `1. Do the work here. Stay on ${spec.branch}; touch no other branch and nothing outside this directory.`,
    '2. Run the tests of the repository where there are any.',
    '3. Commit everything that belongs to the work (git add, git commit). Leave nothing uncommitted.',
    ...publishing(spec),
  ]
}

function publishing(spec: Task['spec']): string[] {
  const open =
    spec.forge === 'github'
      ? `gh pr create --head ${spec.branch} --base ${spec.base}`
      : `orch pr create --head ${spec.branch} --base ${spec.base}`
  if (spec.publish === 'orch')
    return [
      '4. End with a short summary of what you did. Orch pushes the branch and opens the pull request if you have not.',
    ]
  return [
    '4. Push the branch: git push.',
    `5. Open the pull request: ${open} --title "…" --body "…"`,
    '6. End with a short summary of what you did.',
  ]
}

function said(words: readonly string[]): string[] {
  const quoted = words.flatMap((word) => [...word.split('\n').map((line) => `> ${line}`), ''])
  return ['', 'The person who gave the task has said meanwhile:', ...quoted]
}

/** What happened before is told as data: the agent judges it itself. */
function history(task: Task): string[] {
  return [
    '',
    `This is attempt ${task.epoch}. The attempt before ended without proof (${task.reason?.code ?? 'unknown'}):`,
    ...(task.reason?.message ?? '').split('\n').map((line) => `> ${line}`),
    'What it did is in this worktree (git log, git status). Look at it first and go on from there.',
  ]
}
