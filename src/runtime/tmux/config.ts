/** The server's whole configuration; a person's own ~/.tmux.conf is never read. Only options that tmux 3.2 knows. */
export const TMUX_CONFIG = `# Written by Orch at each start; changes are lost.
set -s exit-empty off
set -s set-clipboard off
set -s escape-time 10
set -g default-terminal screen-256color
set -g default-shell /bin/sh
set -g update-environment ''
# Each line of a pane's history costs memory in the server; the whole transcript is in the log.
set -g history-limit 300
set -g remain-on-exit off
set -g mouse off
set -g bell-action none
set -g set-titles off
set -g allow-rename off
set -g automatic-rename off
set -g status-interval 0
set -g status-left ' #{session_name} '
set -g status-left-length 50
set -g status-right ' leave: Ctrl-b d '
set -g window-status-format ''
set -g window-status-current-format ''
`
