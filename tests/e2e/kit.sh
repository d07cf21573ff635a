#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The whole mission on one machine through `cleat kit`: press, LED, broker and
# link lost and restored, three kits on one topic, both schedules.
. "$(dirname "$0")/lib.sh"

kit() { # kit DIR OPTIONS: commands on standard input
    local dir=$1
    shift
    cleat kit --dir "$work/$dir" "$@" >"$work/kit.out" 2>"$work/kit.err"
}

printf 'press\nwait led on\npress\nwait led off\nquit\n' | kit one
expect "$work/kit.out" '^Press the user button \(SW2\) to publish "TURN ON"/"TURN OFF" on the topic '\''ledstatus'\''\.\.\.$' 0
expect "$work/kit.out" '^LED on$' 0
expect "$work/kit.out" '^LED off$' 0
ok "two presses turn the LED on and off"

expect "$work/kit.out" "^Publisher: Publishing 'TURN ON' on the topic 'ledstatus'$" 0
expect "$work/kit.out" '^    Topic   : ledstatus$' 0
expect "$work/kit.out" '^    QoS     : 1$' 0
expect "$work/kit.out" '^    Payload : TURN ON$' 0
ok "publisher and subscriber tell topic, QoS and payload"

expect "$work/kit.out" 'TLSv1.2 TLS-ECDHE-ECDSA-WITH-AES-(128|256)-GCM-SHA(256|384)' 0
expect "$work/kit.out" 'done by the chip: 1 key pair, 1 shared secret, 1 signature, 2 verifications' 0
ok "TLS 1.2 with every ECDSA and ECDHE operation on the chip"

# The order of start-up is the promised one.
order=$(grep -nE '^(Secure element initialised|-----BEGIN|To register|Link: Up|MQTT library|MQTT: Connecting as|MQTT: Connected|Subscriber: Subscribed|Press the user)' \
    "$work/kit.out" | sed 's/^[0-9]*://; s/[:,].*//' | tr '\n' '|')
case $order in
"Secure element initialised|-----BEGIN CERTIFICATE-----|To register this device at AWS IoT (any other broker|Link|MQTT library initialised|MQTT|MQTT|Subscriber|Press the user"*) ;;
*) fail "order of start-up: $order" ;;
esac
ok "start-up goes chip, certificate, registration, link, MQTT, subscription"

sed -n '/BEGIN CERT/,/END CERT/p' "$work/kit.out" | openssl verify -CAfile "$work/one/pki/ca.pem" >/dev/null
first=$(grep 'Coprocessor UID' "$work/kit.out")
printf 'wait led off\nquit\n' | kit one
[ "$first" = "$(grep 'Coprocessor UID' "$work/kit.out")" ] || fail "another chip on the second start"
ok "the certificate is printed as PEM; the chip is the same at the second start"

printf 'press\nwait led on\nbroker stop\nsleep 0.5\nbroker start\npress\nwait led off 30\nquit\n' |
    kit one --set MQTT_CONN_RETRY_INTERVAL_MS=100
expect "$work/kit.out" '^MQTT: Connection lost' 0
[ "$(grep -c '^MQTT: Connected' "$work/kit.out")" = 2 ] || fail "not connected twice"
ok "a lost broker is restored without the user"

{
    printf 'press\nwait led on\nlink down\n'
    expect "$work/kit.out" '^Link: Lost'
    printf 'press\nlink up\nwait led off 30\nquit\n'
} | kit one
[ "$(grep -c '^Link: Up' "$work/kit.out")" = 2 ] || fail "link not restored"
[ "$(grep -c '^MQTT: Connected' "$work/kit.out")" = 2 ] || fail "the connection outlived its link"
ok "a lost link is restored, link first, and a press meanwhile is not lost"

printf 'press 2\nwait led on\npress 3\nwait led off\npress 1\nwait led on 10 3\nquit\n' |
    kit three --kits 3
for n in 1 2 3; do
    expect "$work/kit.out" "^kit$n: LED on$" 0
done
[ "$(sed -n 's/^kit[123]: Coprocessor UID: //p' "$work/kit.out" | sort -u | wc -l)" = 3 ] ||
    fail "three kits, not three UIDs"
[ "$(grep -oE 'Connecting as [^ ]+' "$work/kit.out" | sort -u | wc -l)" = 3 ] || fail "client IDs not unique"
ok "three kits with identities of their own follow each other"

printf 'press\nwait led on\nlink down\nlink up\npress\nwait led off 20\nquit\n' | kit one --one-loop
expect "$work/kit.out" '^LED off$' 0
ok "the same in one loop"

code=0
printf 'wait led on 0.2\nquit\n' | kit one || code=$?
[ "$code" = 1 ] || fail "a failed wait gave status $code"
code=0
printf 'dance\nquit\n' | kit one || code=$?
[ "$code" = 1 ] || fail "an unknown command gave status $code"
printf 'press\nwait led on\n' | kit one
ok "a failed wait or command shows in the exit status; end of input quits"

mkfifo "$work/keys"
cleat kit --dir "$work/one" <"$work/keys" >"$work/a.out" 2>&1 &
pids+=($!)
exec {keys}>"$work/keys" # it ends with its input
expect "$work/a.out" '^Press the user' 15
code=0
printf 'quit\n' | kit one || code=$?
[ "$code" != 0 ] || fail "a second kit on the same chip was not refused"
grep -qi 'in use' "$work/kit.err" || fail "no word that the chip is in use"
exec {keys}>&-
ok "two kits cannot share a chip"
