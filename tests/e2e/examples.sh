#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The examples do what they say, against a real broker.
. "$(dirname "$0")/lib.sh"

make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
issue ca observer 'extendedKeyUsage=clientAuth'
code=0
publish_once "$work/chip" "$work/ca.pem" localhost 1 t m >"$work/cmd.out" 2>&1 || code=$?
[ "$code" = 1 ] || fail "no broker, status $code"
grep -q 'connection refused' "$work/cmd.out" || fail "no words"
port=$(free_port)
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
background sub mosquitto_sub -h localhost -p "$port" --cafile "$work/ca.pem" --cert "$work/observer.pem" \
    --key "$work/observer.key" -i greeted -t greetings -C 1 -W 15
sub=$last
expect "$work/broker.err" 'Sending SUBACK to greeted'
status 0 publish_once "$work/chip" "$work/ca.pem" localhost "$port" greetings 'from the chip'
wait "$sub" || fail "nothing arrived"
[ "$(cat "$work/sub.out")" = 'from the chip' ] || fail "arrived: $(cat "$work/sub.out")"
ok "publish_once reads the certificate from the chip and publishes with it"
