#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The broker profile `aws`: each limit alone, told with its setting and what to
# do; `cleat run` refuses as `cleat config check` does; other brokers are free.
. "$(dirname "$0")/lib.sh"
cd "$work"
make_ca ca
endpoint=abcdefghijklmn-ats.iot.eu-central-1.amazonaws.com
aws=(--set "MQTT_BROKER_ADDRESS=$endpoint" --set ROOT_CA_CERTIFICATE=ca.pem)

status 0 cleat config check "${aws[@]}"
grep -q 'broker profile: aws' cmd.out || fail "not taken for AWS"
status 0 cleat config check "${aws[@]}" --set MQTT_PORT=443 --set MQTT_ALPN_PROTOCOL_NAME=x-amzn-mqtt-ca
status 0 cleat config check "${aws[@]}" --set ENABLE_LWT_MESSAGE=1 --set MQTT_WILL_RETAIN=1
status 0 cleat config check --set MQTT_BROKER_ADDRESS=iot.my-own.example --set ROOT_CA_CERTIFICATE=ca.pem --profile aws
ok "the endpoint alone is enough, on both ports, with a retained will; so is a name of one's own"

# beyond SETTING WORDS OPTIONS...: refused, by check and by run
beyond() {
    local setting=$1 words=$2
    shift 2
    for verb in "config check" "run --chip sim:$work/never"; do
        # shellcheck disable=SC2086
        status 2 cleat $verb "${aws[@]}" "$@"
        grep -qE "^cleat: $setting: .*$words" cmd.err || {
            cat cmd.err >&2
            fail "$verb: nothing like \"$words\" of $setting"
        }
    done
    [ ! -e "$work/never" ] || fail "run went on"
    ok "$setting: $words"
}
beyond MQTT_MESSAGES_QOS 'no QoS 2' --set MQTT_MESSAGES_QOS=2
beyond MQTT_WILL_QOS 'no QoS 2' --set ENABLE_LWT_MESSAGE=1 --set MQTT_WILL_QOS=2
status 0 cleat config check "${aws[@]}" --set MQTT_WILL_QOS=2
for seconds in 0 29 1201 65535; do
    beyond MQTT_KEEP_ALIVE_SECONDS "30 to 1200 s.*not $seconds" --set "MQTT_KEEP_ALIVE_SECONDS=$seconds"
done
status 0 cleat config check "${aws[@]}" --set MQTT_KEEP_ALIVE_SECONDS=30
status 0 cleat config check "${aws[@]}" --set MQTT_KEEP_ALIVE_SECONDS=1200
beyond MQTT_PUB_TOPIC '7 slashes.*not 8' --set MQTT_PUB_TOPIC=a/b/c/d/e/f/g/h/i
status 0 cleat config check "${aws[@]}" --set MQTT_PUB_TOPIC=a/b/c/d/e/f/g/h
# shellcheck disable=SC2016
status 0 cleat config check "${aws[@]}" --set 'MQTT_PUB_TOPIC=$aws/rules/name/a/b/c/d/e/f/g/h'
# shellcheck disable=SC2016
beyond MQTT_SUB_TOPIC "AWS's own" --set 'MQTT_SUB_TOPIC=$SYS/broker'
beyond MQTT_WILL_TOPIC_NAME '7 slashes' --set ENABLE_LWT_MESSAGE=1 --set "MQTT_WILL_TOPIC_NAME=a//////////b"
beyond MQTT_CLIENT_IDENTIFIER 'cannot be empty' --set GENERATE_UNIQUE_CLIENT_ID=0 --set MQTT_CLIENT_IDENTIFIER= --set MQTT_CLEAN_SESSION=1
beyond MQTT_PORT 'not on 1883' --set MQTT_PORT=1883
beyond MQTT_ALPN_PROTOCOL_NAME 'set it to x-amzn-mqtt-ca' --set MQTT_PORT=443
beyond MQTT_ALPN_PROTOCOL_NAME 'does not know "h2"' --set MQTT_ALPN_PROTOCOL_NAME=h2
beyond MQTT_SECURE_CONNECTION 'TLS only' --set MQTT_SECURE_CONNECTION=0
beyond MQTT_CONN_RETRY_INTERVAL_MS 'one CONNECT a second' --set MQTT_CONN_RETRY_INTERVAL_MS=50
beyond MQTT_BROKER_ADDRESS 'no endpoint for devices' --set MQTT_BROKER_ADDRESS=iot.eu-central-1.amazonaws.com
beyond MQTT_BROKER_ADDRESS 'no endpoint for devices' --set MQTT_BROKER_ADDRESS=abc-ats.iot.eu_central.amazonaws.com
beyond MQTT_BROKER_ADDRESS 'the old endpoint' --set MQTT_BROKER_ADDRESS=abc.iot.eu-central-1.amazonaws.com
beyond MQTT_BROKER_ADDRESS 'is an address' --set MQTT_BROKER_ADDRESS=192.0.2.1 --profile aws
status 2 cleat config check "${aws[@]}" --set MQTT_MESSAGES_QOS=2 --set MQTT_PORT=1 --set MQTT_KEEP_ALIVE_SECONDS=1
[ "$(grep -c '^cleat: MQTT_' cmd.err)" = 3 ] || fail "not all three are told"
grep -q '3 settings are beyond.*--profile none' cmd.err || fail "no count"
ok "all at once, and how to go on all the same"

status 0 cleat config check --set MQTT_BROKER_ADDRESS=broker.example --set ROOT_CA_CERTIFICATE=ca.pem --set MQTT_MESSAGES_QOS=2
grep -q 'broker profile: none' cmd.out || fail "taken for AWS"
status 0 cleat config check "${aws[@]}" --set MQTT_MESSAGES_QOS=2 --profile none
status 2 cleat config check "${aws[@]}" --profile azure
ok "other brokers are free, and the profile can be chosen"
