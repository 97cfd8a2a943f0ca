#!/bin/sh
# The shim: runs one attempt. Started as `sh shim.sh NAME` in the directory of the attempts, by tmux or by the daemon,
# and it needs neither of them afterwards. runtime.ts tells what an attempt directory holds; spec.sh is written by
# spec.ts. It works in dash, bash (3.2 too) and busybox ash. Every file that somebody watches appears by rename.
name=$1
case $name in '' | -* | *[!a-z0-9-]*) exit 2 ;; esac
unset CDPATH
export LC_ALL=C
child='' group='' screen='' feeder='' killer='' ending='' lapsed='' watcher='' step=0

# Sets $start: with the pid it names one process for good, because pids are used again.
start_of() {
  start=
  if [ -r "/proc/$1/stat" ]; then
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    set -- ${stat##*) }
    start=${20}
  else
    start=$(ps -o lstart= -p "$1")
  fi
}

signal() { kill "-$1" "$2" 2>/dev/null; }

# Sets $members: the live processes of the agent's group, in a terminal all others of the shim's own. Zombies that nobody
# has buried (containers!) do not count. Nothing is forked meanwhile: that would be a member too.
look() {
  members=''
  if [ -r "/proc/$$/stat" ]; then
    for file in /proc/[0-9]*/stat; do
      { read -r stat <"$file"; } 2>/dev/null || continue
      set -- ${stat##*) }
      [ "$3" = "$group" ] && [ "$1" != Z ] && [ "$2" != "${watcher:--}" ] || continue
      file=${file#/proc/}
      members="$members ${file%/stat}"
    done
  else
    others="/Z/d; /^ *[0-9]*  *${watcher:--} /d; s/^ *$group  *[0-9]*  *[^ ]*  *//p"
    for member in $(ps -A -o pgid=,ppid=,stat=,pid= | sed -n "$others"); do
      signal 0 "$member" && members="$members $member" # not those that were forked for this very look
    done
  fi
  [ "$group" = $$ ] || return 0
  set -- $members
  members=''
  for member; do
    case " $$ $killer $watcher " in *" $member "*) ;; *) members="$members $member" ;; esac
  done
}

# Sends a signal to the agent's group, but not to the shim. Fails when there is none yet.
tell() {
  if [ "$group" = $$ ]; then
    look
    for member in $members; do signal "$1" "$member"; done
    return 0
  fi
  signal "$1" "-$group"
}

# A signal: TERM to what runs now, KILL three seconds later (two, when others wait for the task). The main line is waiting, and goes on to finish.
end() {
  ending=$1
  trap : HUP TERM USR1
  [ "$child" ] && [ -z "$killer" ] || return 0
  tell TERM || signal KILL "$child" # no group yet: nothing of the agent has begun
  (
    trap 'signal TERM "$nap"; exit' TERM
    sleep $((${lapsed:+-1} + 3)) &
    nap=$!
    wait "$nap" || exit # it was ended for us: a signal that comes just when we are forked is lost
    if [ "$group" = $$ ]; then signal ALRM $$; else signal KILL "-$group"; fi
  ) </dev/null 3<&- &
  killer=$!
}

# The dead-man switch. The file `lease`, where there is one, holds the time (whole seconds since the epoch, by the clock of
# this machine) until which the host has the task; the daemon moves it on. When it is over, another host may take the task:
# so the agent ends, whatever the daemon does.

# Sets $left: seconds until then. Fails when there is no such file: the task cannot be taken by another host.
lease_left() {
  { read -r until <lease; } 2>/dev/null || return 1
  case $until in '' | *[!0-9]*) return 1 ;; esac
  left=$((until - $(date +%s)))
}

# It looks at the clock at least every five seconds: no sleep knows that the machine slept. Each look asks for the file
# anew. Its first act is to close the pipe that it was started in: from then on it ends by TERM, and takes its nap with it.
# When the shim itself was killed, it stays for what is left of the agent.
watch_lease() {
  nap=''
  trap '[ -z "$nap" ] || signal KILL "$!"; exit' TERM # a TERM that comes just when it is forked is lost
  trap '' HUP
  exec >/dev/null 2>&1
  while lease_left && [ "$left" -gt 0 ]; do
    shim_lives || marked 0 || exit
    [ "$left" -le 5 ] || left=5
    nap=1
    sleep "$left" &
    wait "$!"
  done
  if shim_lives; then
    signal USR1 $$
  elif marked TERM; then
    for nap in 0.1 0.4 0.5 1 1; do
      sleep "$nap"
      marked 0 || exit
    done
    marked KILL
  fi
}

shim_lives() {
  signal 0 $$ || return 1
  start_of $$
  [ "$start" = "$shim_start" ]
}

lapse() {
  lapsed=1
  marked TERM
  end 143
}

# Sends a signal to whatever carries the agent's mark outside of its group; fails when there is nothing. Only where the
# environments of processes can be read; elsewhere the daemon sweeps when it is back.
marked() {
  how=$1 found=1
  for file in $(grep -ls "ORCH_AGENT=$name" /proc/[0-9]*/environ 2>/dev/null); do
    tr '\0' '\n' <"$file" 2>/dev/null | grep -qx "ORCH_AGENT=$name" || continue
    file=${file%/environ}
    { read -r stat <"$file/stat"; } 2>/dev/null || continue
    set -- ${stat##*) }
    [ "$3" != "${group:--}" ] || continue
    signal "$how" "${file#/proc/}" && found=0
  done
  return "$found"
}

# launch FUNCTION STDIN STDOUT STDERR: runs a function of spec.sh in the background, leading a group of its own. With
# setsid it has no terminal either, so that nothing can ask for a password there. Who is to have the terminal (fd 3) stays
# in the shim's group instead, which is the one in the foreground: the person's keys are its own.
launch() {
  child=''
  [ -z "$killer" ] || signal TERM "$killer" # it was for the step before
  killer=''
  alone=$setsid
  [ "$2" != terminal ] || alone=''
  [ "$setsid" ] || [ "$2" = terminal ] || set -m
  (
    trap - INT QUIT TSTP
    case $2 in
      fifo) exec <>in ;;
      prompt) exec <prompt.md ;;
      terminal) exec <&3 ;;
      *) exec </dev/null ;;
    esac
    exec 3<&-
    if [ "$2" = terminal ]; then exec 2>&1; else exec >>"$3" 2>>"$4"; fi
    umask "$mask"
    cd "$cwd" || exit 126
    if [ "$alone" ]; then "$1" "$alone"; else "$1" /bin/sh -c 'exec "$@"' sh; fi
  ) &
  child=$!
  if [ "$2" = terminal ]; then group=$$; else group=$child; fi
  [ "$setsid" ] || set +m
  [ -z "$ending" ] || end "$ending" # the signal came before there was a child
}

# Waits for the child through signals; sets $status.
await() {
  while :; do
    wait "$child"
    status=$?
    signal 0 "$child" || break
  done
}

# Whether anything in the child's group still works.
group_works() {
  if [ "$group" != $$ ]; then
    signal 0 "-$group" || return 1
    [ -r "/proc/$$/stat" ] || return 0
  fi
  look
  [ "$members" ]
}

# What the child left in its group would go on working, and commit, after the attempt is over.
sweep() {
  group_works || return 0
  tell TERM
  for nap in 0.1 0.4 0.5 1 1; do
    sleep "$nap"
    group_works || return 0
  done
  tell KILL
}

finish() {
  trap : HUP TERM USR1
  # Before exit.json: once it is there, the next turn's files may be written.
  kill $killer $feeder $watcher 2>/dev/null
  sweep
  [ -z "$lapsed" ] || ! marked TERM || { sleep 1 && marked KILL; }
  result="\"phase\":\"$1\",\"status\":${ending:-$status}"
  [ "$1" = agent ] || result="$result,\"step\":$step"
  [ -z "$lapsed" ] || result="$result,\"reason\":\"lease-ended\""
  printf '{%s,"turn":%d}\n' "$result" "$turn" >exit.json.new && mv -f exit.json.new exit.json
  kill $screen 2>/dev/null
  exit 0
}

trap 'end 129' HUP
trap 'end 143' TERM
trap lapse USR1 # of our own watcher
trap 'tell KILL' ALRM # of our own killer
trap '' INT QUIT TSTP # a person's keys in the pane
cd "./$name" 2>/dev/null && [ -r spec.sh ] || exit 0
turn=1
. ./spec.sh
start_of $$
shim_start=$start
# Made in one step, with its owner in it. Each turn has its own: a shim that comes late finds that of its turn taken.
lock=lock
[ "$turn" -eq 1 ] || lock=lock.$turn
ln -s "$$ $start" "$lock" 2>/dev/null || exit 0
mask=$(umask)
umask 077
exec 2>>shim.log
setsid=$(command -v setsid)
# What a shell starts in the background ignores INT and QUIT (under tmux, more) for ever, unless env can undo it.
signals=--default-signal
env "$signals" true 2>/dev/null || signals=''

if [ "$turn" -gt 1 ]; then
  [ -z "$(tail -c 1 out.jsonl 2>/dev/null | tr '\0' x)" ] || echo >>out.jsonl # the turn before ended in mid-line
  printf '{"orch":"turn","turn":%d}\n' "$turn" >>out.jsonl
fi
if [ "$stdin" = fifo ]; then
  rm -f in.new
  mkfifo in.new
  exec 3<>in.new
  mv -f in.new in # there only when it is held open: who finds it can write
  if [ -e first ]; then
    (cat first >in && rm -f first) 3<&- &
    feeder=$!
  fi
fi
if [ "$stdin" = terminal ]; then
  : >>out.jsonl
  exec 3<&0
elif [ -t 1 ]; then
  (
    exec 2>/dev/null
    stty -echo </dev/tty
    # A TERM that comes before this is exec'd may be lost: GNU's tail ends with the shim in any case.
    until_end=$(tail --pid=$$ -n 0 /dev/null && echo "--pid=$$")
    exec tail $until_end -n +1 -f log
  ) 3<&- &
  screen=$!
fi

if lease_left; then
  if [ "$left" -le 0 ]; then
    ending=143 lapsed=1 # it was over before anything began
    finish setup
  fi
  watcher=$(watch_lease </dev/null 3<&- & echo "$!")
fi

while [ "$step" -lt "$steps" ]; do
  launch "step_$step" none setup.log setup.log
  await
  [ "$status" -eq 0 ] && [ -z "$ending" ] || finish setup
  step=$((step + 1))
done

launch agent "$stdin" out.jsonl "$stderr"
start_of "$child"
printf '{"shim":%d,"shimStart":"%s","agent":%d,"agentStart":"%s","turn":%d}\n' \
  $$ "$shim_start" "$child" "$start" "$turn" >started.json.new && mv -f started.json.new started.json
await
finish agent
