#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Settings that show on the wire, with `cleat run` and a broker or TLS server
# of the test's own; and the certificate: that chip's own, ready to be saved.
. "$(dirname "$0")/lib.sh"

make_ca ca
issue ca broker 'subjectAltName=DNS:localhost,DNS:other.example\nextendedKeyUsage=serverAuth'
status 2 cleat run --chip "sim:$work/chip1"
cp "$work/cmd.out" "$work/one.out"
status 2 cleat run --chip "sim:$work/chip2"
pem() {
    sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' "$1"
}
pem "$work/one.out" >"$work/one.pem"
pem "$work/cmd.out" >"$work/two.pem"
for n in one two; do
    openssl x509 -in "$work/$n.pem" -noout -pubkey >"$work/$n.pub" || fail "what is printed is no certificate"
done
! cmp -s "$work/one.pub" "$work/two.pub" || fail "two chips, one key"
openssl verify -CAfile "$work/chip1/factory-ca.pem" "$work/one.pem" >/dev/null
cleat chip cert --chip "sim:$work/chip1" | cmp - "$work/one.pem" || fail "another certificate than the chip's"
ok "two chips print two certificates, each ready to be saved"

order=$(grep -nE 'END CERTIFICATE|register this device|register-certificate-without-ca|iot:Connect|iot:Publish|iot:Receive|iot:Subscribe|describe-endpoint|MQTT_BROKER_ADDRESS and|Root CA 3|Root CA 1' "$work/one.out" | wc -l)
[ "$order" = 11 ] || fail "registration: $order of 11 steps"
id=$(grep -oE 'client/[^"]+' "$work/one.out" | cut -d/ -f2)
[ ${#id} = 23 ] || fail "client ID \"$id\" in the policy"
sed -n '/"Version"/,/\]}$/p' "$work/one.out" >"$work/policy.json"
! command -v python3 >/dev/null || python3 -m json.tool "$work/policy.json" >/dev/null || fail "the policy is no JSON"
ok "then come the steps to register it, and a policy that is JSON"

run=(cleat run --chip "sim:$work/chip1" --set MQTT_BROKER_ADDRESS=localhost
    --set "ROOT_CA_CERTIFICATE=$work/ca.pem" --set MAX_MQTT_CONN_RETRIES=1)
port=$(free_port)
mkfifo "$work/hold"
openssl s_server -accept "$port" -cert "$work/broker.pem" -key "$work/broker.key" \
    -alpn x-amzn-mqtt-ca -tlsextdebug <>"$work/hold" >"$work/tls.out" 2>&1 &
pids+=($!)
listening "$port"
"${run[@]}" --set "MQTT_PORT=$port" --set MQTT_TIMEOUT_MS=3000 \
    --set MQTT_ALPN_PROTOCOL_NAME=x-amzn-mqtt-ca \
    --set MQTT_SNI_HOSTNAME=other.example >"$work/run.out" 2>&1 </dev/null || true
expect "$work/tls.out" 'ALPN protocols selected: x-amzn-mqtt-ca'
expect "$work/tls.out" 'TLS client extension "server name"' 0
sni=$(grep -a -A2 'extension "server name"' "$work/tls.out")
[[ $sni == *other.examp* ]] || fail "another SNI: $sni"
expect "$work/tls.out" '^Supported groups: secp256r1:secp384r1$'
expect "$work/tls.out" '^Shared ciphers:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384$'
expect "$work/run.out" 'Giving up after 1 attempts' 0
ok "ALPN and SNI are sent as set; a server that never answers MQTT times out"

cat "$work/ca.pem" "$work/chip1/factory-ca.pem" >"$work/clients.pem"
port=$(free_port)
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
once=$'press\nwait led on\nquit'
run+=(--set "MQTT_PORT=$port")
"${run[@]}" --set TLS_CHIP_RANDOM=0 <<<"$once" >"$work/run.out" 2>&1
expect "$work/run.out" '2 verifications, 0 random' 0
"${run[@]}" <<<"$once" >"$work/run.out" 2>&1
expect "$work/run.out" '2 verifications, [1-9][0-9]* random' 0
ok "random numbers come from the chip, or not, as set"

"${run[@]}" --set GENERATE_UNIQUE_CLIENT_ID=0 --set MQTT_CLIENT_IDENTIFIER=lamp-17 \
    --set MQTT_PUB_TOPIC=lamp/17 --set MQTT_SUB_TOPIC='lamp/+' --set MQTT_DEVICE_ON_MESSAGE=1 \
    --set MQTT_DEVICE_OFF_MESSAGE=0 --set MQTT_KEEP_ALIVE_SECONDS=33 --set MQTT_CLEAN_SESSION=1 \
    <<<"$once" >"$work/run.out" 2>&1
expect "$work/run.out" '^Press the user button \(SW2\) to publish "1"/"0" on the topic '"'lamp/17'\.\.\.$" 0
expect "$work/run.out" 'Connecting as lamp-17 to localhost' 0
expect "$work/broker.err" 'as lamp-17 \(p2, c1, k33' 5
ok "client ID, topics, messages, keep-alive and clean session reach the broker"

plain=$(free_port)
mosquitto_passwd -c -b "$work/passwd" ann "pass word" 2>/dev/null
chmod 644 "$work/passwd"
broker plain "$plain" "allow_anonymous false\npassword_file $work/passwd"
clear=("${run[@]}" --set MQTT_SECURE_CONNECTION=0 --set "MQTT_PORT=$plain" --set MQTT_USERNAME=ann)
"${clear[@]}" --set "MQTT_PASSWORD=pass word" <<<"$once" >"$work/run.out" 2>&1
expect "$work/run.out" '^LED on$' 0
refuse "$work/run.out" 'pass word'
status 5 "${clear[@]}" --set MQTT_PASSWORD=wrong
expect "$work/cmd.out" 'The broker refused the connection: ' 0
ok "user name and password are sent, a refusal is told, the password is not"
