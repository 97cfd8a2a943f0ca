/** Completion scripts: they hold no list of their own but ask `orch __complete`, so that they never get old. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export const SCRIPTS: Record<Shell, string> = {
  bash: String.raw`# orch completion for bash. In ~/.bashrc: source <(orch completion bash)
_orch() {
  local line words=("${'$'}{COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    [ -n "$line" ] && COMPREPLY+=("${'$'}{line%%${'$'}'\t'*}")
  done < <(orch __complete -- "${'$'}{words[@]}" 2>/dev/null)
}
complete -o default -F _orch orch
`,
  zsh: String.raw`#compdef orch
# orch completion for zsh. In ~/.zshrc, after compinit: source <(orch completion zsh)
_orch() {
  local line value
  local -a found
  for line in "${'$'}{(@f)$(orch __complete -- "${'$'}{(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n "$line" ]] || continue
    value=${'$'}{line%%${'$'}'\t'*}
    found+=("${'$'}{value//:/\\:}:${'$'}{line#*${'$'}'\t'}")
  done
  if (( ${'$'}{#found} )); then _describe -V orch found; else _files; fi
}
compdef _orch orch
`,
  fish: `# orch completion for fish: orch completion fish >~/.config/fish/completions/orch.fish
function __orch_complete
  set -l words (commandline -opc) (commandline -ct)
  orch __complete -- $words[2..-1] 2>/dev/null
end
complete -c orch -e
complete -c orch -a '(__orch_complete)'
`,
}
