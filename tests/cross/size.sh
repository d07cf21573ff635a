#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What docs/mqtt.md says of RAM and stack, against the compiler: the formula
# with the numbers of tests/size/minimal.c must be what its variables take, and
# the session and the stacks no more than stated, nor much less.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v arm-none-eabi-gcc >/dev/null || { echo "no arm-none-eabi-gcc"; exit 77; }
figures=$(tools/size-report -r minimal minimal_v5)
failed=0
say() {
    echo "size: $*" >&2
    failed=1
}
of() { awk -v n="program_$1" '$1 == n { print $2 }' <<<"$figures"; }
# within NAME MEASURED STATED ROOM: STATED - ROOM <= MEASURED <= STATED. Of what
# GCC 12 and 14 (Debian 12 and 13) need the larger is stated.
within() {
    [ -n "$2" ] && [ -n "$3" ] || { say "$1: no figure"; return; }
    [ "$2" -le "$3" ] && [ "$2" -ge $(($3 - $4)) ] ||
        say "$1: $2 measured, $3 stated in docs/mqtt.md"
}
session='' slot='' id=''
read -r session slot id < <(sed -n \
    's/^ *\([0-9]*\) + \([0-9]*\) × slot_count + \([0-9]*\) × qos2_count + tx_cap + rx_cap$/\1 \2 \3/p' \
    docs/mqtt.md) || say "docs/mqtt.md has no formula"
[ "$slot" = "$(of minimal_message_in_flight)" ] || say "a message in flight is not $slot bytes"
within "a session" "$(of minimal_session)" "$session" 16
# 4 slots, 8 identifiers, twice 256 bytes.
ram=$(($(of minimal_session) + slot * 4 + id * 8 + 256 + 256))
[ "$ram" = "$(of minimal_ram)" ] || say "by the formula $ram bytes of RAM, $(of minimal_ram) in truth"
read -r plain v5 < <(tr '\n' ' ' <docs/mqtt.md |
    sed -n 's/.*own callbacks, is \([0-9]*\) bytes, with MQTT 5 at most \([0-9]*\)\..*/\1 \2\n/p') ||
    say "docs/mqtt.md tells no stack"
within "the stack" "$(of minimal_stack)" "${plain:-0}" 40
within "the stack with MQTT 5" "$(of minimal_v5_stack)" "${v5:-0}" 40
[ "$(of minimal_v5_stack)" -ge "$(of minimal_stack)" ] || say "MQTT 5 takes less stack than none"
exit $failed
