#!/bin/sh
# A hook of an agent program's terminal interface: `sh hook.sh NAME` with what the program tells as JSON on standard
# input. It appends one line {"hook":NAME,"at":MS,"data":{…}} to out.jsonl beside it, which the daemon watches, and which
# waits there when no daemon runs. The program waits for it: so it is quick, says nothing, and never fails.
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
printf '{"hook":"%s","at":%s,"data":%s%s}\n' "$name" "$at" "${data:-{\}}" "$rest" >"$new.line"
# One write of a whole line: other hooks write at the same moment.
dd if="$new.line" bs=65536 >>"$out"
exit 0
