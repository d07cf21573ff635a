#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A link that is really cut: device and broker in network namespaces of their
# own, joined by a cable (veth) that goes down, and one that swallows packets.
# Skipped, saying so, where namespaces may not be made.
. "$(dirname "$0")/lib.sh"

a=cleat-a-$$
b=cleat-b-$$
if ! ip netns add "$a" 2>/dev/null || ! ip netns exec "$a" true 2>/dev/null; then
    ip netns del "$a" 2>/dev/null || true
    echo "SKIPPED: network namespaces may not be made here"
    trap - EXIT
    rm -rf "$work"
    exit 77
fi
drop_namespaces() {
    ip netns del "$a" 2>/dev/null || true
    ip netns del "$b" 2>/dev/null || true
}
trap 'code=$?; drop_namespaces; (exit $code); finish' EXIT
ip netns add "$b"
ip link add va netns "$a" type veth peer name vb netns "$b"
ip -n "$a" addr add 10.99.0.1/24 dev va
ip -n "$b" addr add 10.99.0.2/24 dev vb
ip -n "$a" link set va up
ip -n "$b" link set vb up

make_ca ca
issue ca broker 'subjectAltName=IP:10.99.0.2\nextendedKeyUsage=serverAuth'
status 2 cleat run --chip "sim:$work/chip"
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
cat >"$work/broker.conf" <<CONF
listener 8883 10.99.0.2
cafile $work/clients.pem
certfile $work/broker.pem
keyfile $work/broker.key
require_certificate true
use_identity_as_username true
user root
log_dest stderr
CONF
background broker ip netns exec "$b" mosquitto -c "$work/broker.conf"

mkfifo "$work/in"
ip netns exec "$a" "$(command -v cleat)" run --chip "sim:$work/chip" \
    --set MQTT_BROKER_ADDRESS=10.99.0.2 --set "ROOT_CA_CERTIFICATE=$work/ca.pem" \
    --set LINK_INTERFACE=va --set WIFI_CONN_RETRY_INTERVAL_MS=200 \
    --set MQTT_CONN_RETRY_INTERVAL_MS=100 --set MQTT_CONN_RETRY_MAX_MS=500 \
    --set MQTT_KEEP_ALIVE_SECONDS=2 --set MQTT_TIMEOUT_MS=2000 \
    <"$work/in" >"$work/device.out" 2>"$work/device.err" &
device=$!
pids+=("$device")
exec {input}>"$work/in"
expect "$work/device.out" '^Press the user button' 20
expect "$work/device.out" '^Link: Up, va, address 10.99.0.1' 0
echo press >&"$input"
expect "$work/device.out" '^LED on$'
ok "connected through the cable"

ip -n "$b" link set vb down
expect "$work/device.out" '^Link: Lost' 10
echo press >&"$input"
ip -n "$b" link set vb up
expect "$work/device.out" '^LED off$' 30
[ "$(grep -c '^Link: Up' "$work/device.out")" -ge 2 ] || fail "the link did not come back"
ok "cable out and in: link first, then MQTT; the press meanwhile arrives"

# The link stays up, but packets vanish: only keep-alive can notice.
ip -n "$b" route add blackhole 10.99.0.1/32
expect "$work/device.out" '^MQTT: Connection lost' 15
ip -n "$b" route del blackhole 10.99.0.1/32
echo press >&"$input"
end=$((SECONDS + 30))
until [ "$(grep -c '^LED on$' "$work/device.out")" -ge 2 ]; do
    [ $SECONDS -lt $end ] || fail "not restored after packets vanished"
    sleep 0.1
done
ok "a half-open connection is noticed by keep-alive and restored"
echo quit >&"$input"
exec {input}>&-
wait "$device" || fail "the device did not end well"
