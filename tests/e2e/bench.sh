#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat bench` counts right: everything that a broker passes on, and what one
# loses, is told; wrong calls are refused.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
background broker mosquitto -p "$port"
expect "$work/broker.err" 'running'
for qos in 0 1 2; do
    status 0 cleat bench -h 127.0.0.1 -p "$port" -q "$qos" -n 300 --publishers 2 --subscribers 2 --json
    for field in '"sent": 600' '"received": 1200' '"lost": 0' '"duplicates": 0'; do
        tr '\t' ' ' <"$work/cmd.out" | tr -s ' ' | grep -q "$field" || fail "QoS $qos: no $field"
    done
done
ok "all messages of two publishers reach two subscribers at each QoS"
for _ in 1 2 3 4 5; do # slower: something stood still, once more
    status 0 cleat bench -h 127.0.0.1 -p "$port" -n 100 -r 200
    grep -qE ' in ([2-9]|[0-9]{2,})\.' "$work/cmd.out" || break
done
grep -qE ' in (0\.[4-9]|1\.)' "$work/cmd.out" || fail "100 messages at 200 a second: $(head -n 1 "$work/cmd.out")"
ok "--rate is kept"
status 0 cleat bench -h 127.0.0.1 -p "$port" -n 50 --subscribers 0
grep -q 'received    0' "$work/cmd.out" || fail "nobody was to receive"
ok "without subscribers"

# Somebody else's messages on the topic do not count.
# The broker keeps the last of them: there is one at least, whatever comes when.
background noise mosquitto_pub -h 127.0.0.1 -p "$port" -r -t cleat/bench -m noise --repeat 100000 --repeat-delay 0.02
status 0 mosquitto_sub -h 127.0.0.1 -p "$port" -t cleat/bench -C 1 -W 60
status 0 cleat bench -h 127.0.0.1 -p "$port" -n 100 -r 200
grep -qE 'lost 0, twice 0, not ours [1-9]' "$work/cmd.out" || fail "$(cat "$work/cmd.out")"
kill "$last"
ok "foreign messages are counted apart"

# A broker that lets nobody publish: loss is told.
deaf=$(free_port)
echo 'topic read #' >"$work/acl"
broker deaf "$deaf" "allow_anonymous true\nacl_file $work/acl"
status 1 cleat bench -h 127.0.0.1 -p "$deaf" -n 10
grep -q 'lost 10' "$work/cmd.out" || fail "a denied publish was not told as lost"
ok "lost messages are told, status 1"

status 1 cleat bench -h 127.0.0.1 -p 1
grep -q 'connection refused' "$work/cmd.err" || fail "no words for a closed port"
for wrong in "-q 3" "-s 17" "-n 0" "-t a/#" "--publishers 65" "-w 201" "--nonsense 1" "-p" "--pw x" "-n 99999999999" "-n 10000000 --subscribers 2"; do
    # shellcheck disable=SC2086 # a list of words
    status 2 cleat bench $wrong
    [ -s "$work/cmd.err" ] || fail "no words for: $wrong"
done
ok "wrong calls are refused in words"
