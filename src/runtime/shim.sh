#!/bin/sh
# The shim: runs one attempt. Started as `sh shim.sh NAME` in the directory of the attempts, by tmux or by the daemon,
# and it needs neither of them afterwards. runtime.ts tells what an attempt directory holds; spec.sh is written by
# spec.ts. It works in dash, bash (3.2 too) and busybox ash. Every file that somebody watches appears by rename.
name=$1
case $name in '' | -* | *[!a-z0-9-]*) exit 2 ;; esac
unset CDPATH
export LC_ALL=C
child='' screen='' feeder='' killer='' ending='' step=0

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

# A signal: TERM to what runs now, KILL three seconds later. The main line is waiting, and goes on to finish.
end() {
  ending=$1
  trap : HUP TERM
  [ "$child" ] && [ -z "$killer" ] || return 0
  signal TERM "-$child" || signal KILL "$child" # no group yet: nothing of the agent has begun
  (
    trap 'signal TERM "$nap"; exit' TERM
    sleep 3 &
    nap=$!
    wait "$nap"
    signal KILL "-$child"
  ) </dev/null 3<&- &
  killer=$!
}

# launch FUNCTION STDIN STDOUT STDERR: runs a function of spec.sh in the background, leading a group of its own. With
# setsid it has no terminal either, so that nothing can ask for a password there.
launch() {
  child=
  [ -z "$killer" ] || signal TERM "$killer" # it was for the step before
  killer=
  [ "$setsid" ] || set -m
  (
    trap - INT QUIT TSTP
    case $2 in
      fifo) exec <>in ;;
      prompt) exec <prompt.md ;;
      *) exec </dev/null ;;
    esac
    exec 3<&- >>"$3" 2>>"$4"
    umask "$mask"
    cd "$cwd" || exit 126
    if [ "$setsid" ]; then "$1" "$setsid"; else "$1" /bin/sh -c 'exec "$@"' sh; fi
  ) &
  child=$!
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

# Whether anything in the child's group still works. Zombies that nobody has buried (containers!) do not count.
group_works() {
  signal 0 "-$child" || return 1
  [ -r "/proc/$$/stat" ] || return 0
  for file in /proc/[0-9]*/stat; do
    { read -r stat <"$file"; } 2>/dev/null || continue
    set -- ${stat##*) }
    [ "$3" = "$child" ] && [ "$1" != Z ] && return 0
  done
  return 1
}

# What the child left in its group would go on working, and commit, after the attempt is over.
sweep() {
  group_works || return 0
  signal TERM "-$child"
  for nap in 0.1 0.4 0.5 1 1; do
    sleep "$nap"
    group_works || return 0
  done
  signal KILL "-$child"
}

finish() {
  sweep
  result="\"phase\":\"$1\",\"status\":${ending:-$status}"
  [ "$1" = agent ] || result="$result,\"step\":$step"
  printf '{%s}\n' "$result" >exit.json.new && mv -f exit.json.new exit.json
  kill $killer $feeder $screen 2>/dev/null
  exit 0
}

trap 'end 129' HUP
trap 'end 143' TERM
trap '' INT QUIT TSTP # a person's keys in the pane
start_of $$
shim_start=$start
ln -s "$$ $start" "$name/lock" 2>/dev/null || exit 0 # made in one step, with its owner in it
cd "./$name" || exit
mask=$(umask)
umask 077
exec 2>>shim.log
setsid=$(command -v setsid)
# What a shell starts in the background ignores INT and QUIT (under tmux, more) for ever, unless env can undo it.
signals=--default-signal
env "$signals" true 2>/dev/null || signals=
. ./spec.sh

if [ "$stdin" = fifo ]; then
  mkfifo in
  exec 3<>in
  if [ -e first ]; then
    (cat first >in && rm -f first) 3<&- &
    feeder=$!
  fi
fi
if [ -t 1 ]; then
  (
    exec 2>/dev/null
    stty -echo </dev/tty
    exec tail -n +1 -f log
  ) 3<&- &
  screen=$!
fi

while [ "$step" -lt "$steps" ]; do
  launch "step_$step" none setup.log setup.log
  await
  [ "$status" -eq 0 ] && [ -z "$ending" ] || finish setup
  step=$((step + 1))
done

launch agent "$stdin" out.jsonl "$stderr"
start_of "$child"
printf '{"shim":%d,"shimStart":"%s","agent":%d,"agentStart":"%s"}\n' $$ "$shim_start" "$child" "$start" >started.json.new
mv -f started.json.new started.json
await
finish agent
