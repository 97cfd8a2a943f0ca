#!/bin/sh
# A hook of an agent program's terminal interface: `sh hook.sh NAME [take]` with what the program tells as JSON on standard
# input. It appends one line {"hook":NAME,"at":MS,"data":{…}} to out.jsonl beside it, which the daemon watches, and which
# waits there when no daemon runs. The program waits for it: so it is quick, and never fails. It says nothing, unless it is
# to `take`, at a turn's end, and words for the agent are on offer: then it names them in the line ("took":[…]) and hands
# them over, so that the turn goes on. src/runtime/offers.ts writes them.
name=$1
directory=${0%/*}
out=$directory/out.jsonl
exec 2>/dev/null
umask 077
export LC_ALL=C
[ -f "$out" ] || exit 0 # the attempt is over and gone
new=$directory/.hook.$$
trap 'rm -f "$new" "$new.line"' EXIT
trap 'exit 0' HUP INT TERM
cat >"$new" || exit 0

at=$(date +%s%3N)
case $at in '' | *[!0-9]*) at=$(date +%s)000 ;; esac # no GNU date: whole seconds

# The value of a field that needs no escapes; in a JSON string an unescaped quote cannot stand, so it is none's content.
field() { sed -n "s/.*\"$1\" *: *\"\([A-Za-z0-9_.:/-]*\)\".*/\1/p" | tail -n 1; }

# A turn that hooks have kept going so often is let go: programs overrule a hook that never ends (Claude Code the ninth
# time), and what they were handed then nobody would read. What is left on offer comes with the agent's next prompt.
MOST=6

# Takes what is on offer for this session, each file by its own rename: what the daemon takes back at the same moment has
# one of the two. Sets $took to the ids and $mine to where they are.
take() {
  case $data in
    *'"stop_hook_active":false'* | *'"stop_hook_active": false'*) times=0 ;;
    *) read -r times <"$directory/chain" || times=0 ;;
  esac
  case $times in '' | *[!0-9]*) times=$MOST ;; esac
  echo $((times + 1)) >"$directory/chain" || return 0
  [ "$times" -lt "$MOST" ] || return 0
  set -- "$directory"/offer.*
  [ -f "$1" ] || return 0
  read -r own <"$directory/session" || return 0
  case $data in *"\"session_id\":\"${own:-?}\""* | *"\"session_id\": \"${own:-?}\""*) ;; *) return 0 ;; esac
  mine=$directory/taken.$at.$$
  mkdir "$mine" || return 0
  mv "$@" "$mine"
  for file in "$mine"/offer.*; do
    [ -f "$file" ] && took="$took,\"${file##*.}\""
  done
}

took=
size=$(wc -c <"$new")
if [ "$size" -le 60000 ]; then
  data=$(tr -d '\r\n' <"$new") # between values; in strings they are escaped
  rest=
else
  # The middle of what is so big is what a tool read or wrote: the ends name whose it is.
  ends=$( (head -c 4000 "$new"; echo; tail -c 4000 "$new") | tr -d '\r' | tr ',' '\n')
  data=
  for key in session_id tool_name tool_use_id; do
    value=$(printf '%s\n' "$ends" | field "$key")
    [ -z "$value" ] || data="$data,\"$key\":\"$value\""
  done
  data="{${data#,}}"
  rest=",\"bytes\":$((size))"
fi
[ "$2" != take ] || take
[ -z "$took" ] || rest="$rest,\"took\":[${took#,}]"
printf '{"hook":"%s","at":%s,"data":%s%s}\n' "$name" "$at" "${data:-{\}}" "$rest" >"$new.line"
# One write of a whole line: other hooks write at the same moment.
if ! dd if="$new.line" bs=65536 >>"$out"; then
  [ -z "$took" ] || mv "$mine"/offer.* "$directory"
  exit 0
fi
[ "$took" ] || exit 0
printf '{"decision":"block","reason":"'
cat "$mine"/offer.*
printf '"}\n'
exit 0
