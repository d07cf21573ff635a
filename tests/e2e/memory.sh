#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No private key, static or ephemeral, is ever in the device's process: the
# virtual chip runs in another one and reveals its keys to this test, which
# searches the device's memory. A software key shows that the search finds one.
. "$(dirname "$0")/lib.sh"

background chipsim cleat-chipsim --dir "$work/chip" --listen "$work/chip.sock" --reveal-keys "$work/keys"
expect "$work/chipsim.out" 'listening'
make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
port=$(free_port)
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
run=(cleat run --set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/ca.pem")

mkfifo "$work/in"
"${run[@]}" --chip "unix:$work/chip.sock" <"$work/in" >"$work/device.out" 2>"$work/device.err" &
device=$!
pids+=("$device")
exec {input}>"$work/in"
expect "$work/device.out" '^Press the user button' 20
echo press >&"$input"
expect "$work/device.out" '^LED on$'
[ "$(wc -l <"$work/keys")" -ge 2 ] || fail "the chip revealed no static and ephemeral key"
memsearch "$device" "$work/keys" >"$work/cmd.out" || {
    cat "$work/cmd.out" >&2
    fail "a private key is in the device's memory"
}
ok "neither the identity key nor the ECDHE key is in the process ($(tail -n 1 "$work/cmd.out"))"
echo quit >&"$input"
exec {input}>&-
wait "$device" || fail "the device did not end well"

issue ca soft 'extendedKeyUsage=clientAuth'
openssl pkey -in "$work/soft.key" -noout -text 2>/dev/null |
    sed -n '/^priv:/,/^pub:/p' | tr -d ' :\n' | sed 's/^priv//; s/pub$//; s/.*\(.\{64\}\)$/\1\n/' >"$work/softkey"
rm "$work/in"
mkfifo "$work/in"
"${run[@]}" --chip "soft:$work/soft.key,$work/soft.pem" <"$work/in" >"$work/soft.out" 2>"$work/soft.err" &
device=$!
pids+=("$device")
exec {input}>"$work/in"
expect "$work/soft.out" '^Press the user button' 20
expect "$work/soft.out" 'WARNING: this driver holds the private key in memory' 0
code=0
memsearch "$device" "$work/softkey" >"$work/cmd.out" || code=$?
[ "$code" = 1 ] || fail "the search does not find a key that is there ($(cat "$work/cmd.out"))"
exec {input}>&-
wait "$device" || fail "the device did not end well"
ok "the search finds a key that is there"
