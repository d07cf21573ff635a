#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# README's "What you see" is what is seen: each line there, numbers and names
# aside, is a line of a run, in that order.
. "$(dirname "$0")/lib.sh"

plain() { # numbers, the client ID, interface and address are of the moment
    sed -E 's/psoc6-mqtt-c-[a-z0-9]+/ID/; s/^Link: Up, .*/Link: Up/; s/[0-9]+/N/g'
}
awk '/^What you see/ { found = 1 } found && /^```/ { if (++fences == 2) exit; next } found && fences' README.md |
    grep -v '^…' | plain >"$work/promised"
[ "$(wc -l <"$work/promised")" -gt 10 ] || fail "no such block in README.md"
printf 'press\nwait led on\nquit\n' | cleat kit --dir "$work/kit" >"$work/kit.out"
plain <"$work/kit.out" >"$work/seen"
at=0
while IFS= read -r line; do
    found=$(grep -nFx -- "$line" "$work/seen" | cut -d: -f1 | awk -v at=$at '$1 > at { print; exit }')
    [ -n "$found" ] || fail "not seen, or not in this order: $line"
    at=$found
done <"$work/promised"
ok "$(wc -l <"$work/promised") lines of README.md come in a run, in order"
