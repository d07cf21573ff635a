#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A broker that stands still (SIGSTOP): its system still takes connections and
# some bytes, but nobody answers. Every wait of ours ends in its time, with its
# cause, and goes on when the broker does.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
broker mosquitto "$port" 'allow_anonymous true\nmax_queued_messages 0'
mosquitto=$last
ms() {
    echo $(($(date +%s%N) / 1000000))
}

background half cleat sub -h 127.0.0.1 -p "$port" -k 5 -t t -d
expect "$work/half.out" 'SUBACK'
mkfifo "$work/lines"
cleat pub -h 127.0.0.1 -p "$port" -k 5 -t load -l -d \
    <"$work/lines" >"$work/full.out" 2>"$work/full.err" &
pids+=("$!")
exec 7>"$work/lines"
expect "$work/full.out" 'CONNACK'
head -c 30000000 /dev/zero | tr '\0' 'x' | fold -w 60000 >"$work/load"

begin=$(ms)
kill -STOP "$mosquitto"
background connack ten_lines 127.0.0.1 "$port" t m
connack=$last
cat "$work/load" >&7 2>/dev/null &
pids+=("$!")

# found NAME CAUSE MILLISECONDS: it was told in that time, give or take.
found() {
    expect "$work/$1.err" "$2" 20
    local took=$(($(ms) - begin))
    [ "$took" -le "$(($3 + 700))" ] || fail "$1: $2 after $took ms, not $3"
    ok "$2: after $took ms"
}
found half 'no pingresp in time|nothing could be sent in time' 7500
found full 'nothing could be sent in time|no pingresp in time' 7500
code=0
wait "$connack" || code=$?
took=$(($(ms) - begin))
[ "$code" = 1 ] || fail "ten_lines ended with $code"
{ [ "$took" -ge 9500 ] && [ "$took" -le 13000 ]; } ||
    fail "no CONNACK: $took ms, not 10000"
ok "no CONNACK: given up after $took ms"
kill -CONT "$mosquitto"
end=$((SECONDS + 30))
until [ "$(grep -c SUBACK "$work/half.out")" -ge 2 ]; do
    [ $SECONDS -lt $end ] || fail "half has not subscribed again"
    sleep 0.05
done
mosquitto_pub -p "$port" -t t -m back
expect "$work/half.out" '^back$'
ok "and it goes on when the broker does"
