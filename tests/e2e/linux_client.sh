#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The client for Linux programs, through its examples: blocking, from several
# threads over broker restarts, and in a loop of the program's own.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
start_broker() {
    background "$1" mosquitto -c "$work/broker.conf" 7>&-
    broker=$last
    for _ in $(seq 100); do
        mosquitto_pub -p "$port" -t ready -m x 2>/dev/null && return
        sleep 0.05
    done
    fail "no broker"
}
printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\nautosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\nlog_dest stderr\nlog_type all\n' \
    "$port" "$work" >"$work/broker.conf"
[ "$(id -u)" != 0 ] || echo "user root" >>"$work/broker.conf"

status 1 ten_lines localhost "$port" t m
ok "ten_lines without a broker ends with 1"
start_broker first
background sub mosquitto_sub -p "$port" -i greeted -t greeting -C 1 -W 15
sub=$last
expect "$work/first.err" 'Sending SUBACK to greeted'
status 0 ten_lines localhost "$port" greeting 'hello'
wait "$sub" || fail "nothing arrived"
[ "$(cat "$work/sub.out")" = hello ] || fail "arrived: $(cat "$work/sub.out")"
ok "ten_lines publishes"

# No -C: duplicates, which QoS 1 allows after a restart, would count.
# 4 threads, 500 messages each, the broker stopped and started meanwhile.
background all mosquitto_sub -p "$port" -i all -c -q 1 -t load
all=$last
expect "$work/first.err" 'Sending SUBACK to all'
background threads threads localhost "$port" load 4 500
threads=$last
expect "$work/all.out" . 30
kill "$broker"
wait "$broker" || true
start_broker second
wait "$threads" || fail "threads lost something"
[ "$(grep -c 'all delivered' "$work/threads.out")" = 4 ] || fail "not all delivered"
ok "four threads publish through one client over a broker restart"
end=$((SECONDS + 60))
until [ "$(sort -u "$work/all.out" | wc -l)" -ge 2000 ] || [ $SECONDS -ge $end ]; do
    sleep 0.1
done
[ "$(sort -u "$work/all.out" | wc -l)" = 2000 ] ||
    fail "$(sort -u "$work/all.out" | wc -l) of 2000 arrived"
kill "$all" 2>/dev/null || true
ok "every message of theirs arrived"

mkfifo "$work/typed"
own_loop localhost "$port" chat <"$work/typed" >"$work/loop.out" 2>"$work/loop.err" &
loop=$!
pids+=("$loop")
exec 7>"$work/typed"
expect "$work/loop.err" '^up$'
echo "first line" >&7
expect "$work/loop.out" '^first line$'
kill "$broker"
wait "$broker" || true
expect "$work/loop.err" '^down: '
echo "typed while down" >&7
start_broker third
expect "$work/loop.out" '^typed while down$' 30
exec 7>&-
wait "$loop" || fail "own_loop ended with $?"
ok "own_loop publishes and prints, also what was typed during an outage"

# Each message once, to the handlers of its filters, and again after a restart.
background routes routes localhost "$port"
routes=$last
expect "$work/third.err" 'share.*jobs \(QoS'
mosquitto_pub -p "$port" -q 1 -t lamps/7/set -m on
mosquitto_pub -p "$port" -q 1 -t lamps/all/set -m dim
mosquitto_pub -p "$port" -q 1 -t jobs -m one
expect "$work/routes.out" '^job jobs one$'
printf '%s\n' 'all lamps/all/set dim' 'job jobs one' 'lamp lamps/7/set on' \
    'lamp lamps/all/set dim' 'log lamps/7/set on' 'log lamps/all/set dim' |
    LC_ALL=C sort >"$work/wanted"
LC_ALL=C sort "$work/routes.out" | diff "$work/wanted" - >&2 ||
    fail "the handlers got something else"
ok "a table of handlers is subscribed to, with subscription identifiers"
kill "$broker"
wait "$broker" || true
start_broker fourth
expect "$work/fourth.err" 'share.*jobs \(QoS' 30
mosquitto_pub -p "$port" -q 1 -t lamps/7/set -m stop
wait "$routes" || fail "routes ended with $?"
grep -q '^lamp lamps/7/set stop$' "$work/routes.out" || fail "not restored"
ok "the whole table is restored when the broker has lost it"

background serve request localhost "$port" serve turn
expect "$work/fourth.err" 'turn \(QoS'
serve=$last
# ask STATUS TOPIC TEXT...: once more where a busy machine let the two seconds
# for an answer go by.
ask() {
    local code
    for _ in 1 2; do
        code=0
        request localhost "$port" ask "${@:2}" >"$work/cmd.out" 2>"$work/cmd.err" </dev/null || code=$?
        grep -q 'no answer in time' "$work/cmd.out" || break
    done
    [ "$code" = "$1" ] || fail "status $code, not $1: $(cat "$work/cmd.out" "$work/cmd.err")"
}
ask 0 turn abc hello
[ "$(cat "$work/cmd.out")" = $'abc: cba\nhello: olleh' ] ||
    fail "answers: $(cat "$work/cmd.out")"
ok "requests get their answers from another session"
ask 1 nobody abc
grep -q '^abc: no matching subscribers' "$work/cmd.out" ||
    fail "nobody: $(cat "$work/cmd.out")"
mosquitto_pub -p "$port" -V 5 -t turn -m x -D publish response-topic elsewhere/x
kill -STOP "$serve"
code=0
request localhost "$port" ask turn late >"$work/cmd.out" 2>"$work/cmd.err" || code=$?
kill -CONT "$serve" # a failure would wait for ever for its end
[ "$code" = 1 ] || fail "late: status $code"
grep -q '^late: no answer in time' "$work/cmd.out" ||
    fail "late: $(cat "$work/cmd.out")"
ask 0 turn again
ok "a request that nobody takes or answers ends with words"
