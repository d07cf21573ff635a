#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# MQTT_STORE: presses that `cleat run` has taken while the broker was away
# outlive a SIGKILL of the device. BROKER_PROFILE: limits of AWS IoT are told
# before anything connects.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
plain='allow_anonymous true'
run=(cleat run --chip "sim:$work/chip" --set MQTT_BROKER_ADDRESS=127.0.0.1 --set "MQTT_PORT=$port"
    --set MQTT_SECURE_CONNECTION=0 --set MQTT_CONN_RETRY_INTERVAL_MS=100
    --set MQTT_CONN_RETRY_MAX_MS=200 --set MQTT_SUB_TOPIC=elsewhere)

# device NAME OPTIONS...: its commands go to $input, its process is $device.
device() {
    local name=$1
    shift
    rm -f "$work/$name.in"
    mkfifo "$work/$name.in"
    "${run[@]}" "$@" <"$work/$name.in" >"$work/$name.out" 2>"$work/$name.err" &
    device=$!
    pids+=("$device")
    exec {input}>"$work/$name.in"
}
killed() {
    kill -KILL "$1"
    wait "$1" 2>/dev/null || true
    exec {input}>&-
}

# Five presses while the broker is away, a SIGKILL, a restart with it back.
# lost NAME OPTIONS...: prints what arrives then.
outage() {
    local name=$1
    shift
    broker "$name-broker" "$port" "$plain"
    device "$name" "$@"
    expect "$work/$name.out" '^Press the user button'
    kill "$last"
    wait "$last" || true
    expect "$work/$name.out" 'Connecting again'
    for n in 1 2 3 4 5; do
        echo press >&"$input"
        until [ "$(grep -c 'Publisher: Publishing' "$work/$name.out")" -ge $n ]; do sleep 0.02; done
    done
    # With a store: all five are in it. Without: time to get where they are lost.
    if [ -n "${store:-}" ]; then
        until [ "$(grep -ao 'TURN O' "$store" | wc -l)" -ge 5 ]; do sleep 0.02; done
    else
        sleep 0.3
    fi
    killed "$device"
    broker "$name-back" "$port" "$plain"
    back=$last
    background "$name-sub" mosquitto_sub -h 127.0.0.1 -p "$port" -t ledstatus -q 1 -i "$name"
    expect "$work/$name-back.err" "Sending SUBACK to $name"
    device "$name-again" "$@"
    expect "$work/$name-again.out" '^Press the user button'
}
over() {
    echo quit >&"$input"
    exec {input}>&-
    wait "$device" || fail "the device ended badly"
    kill "$back"
    wait "$back" || true
}

for qos in 1 2; do
    name=kept$qos store=$work/store$qos
    outage "$name" --set "MQTT_STORE=$store" --set "MQTT_MESSAGES_QOS=$qos"
    printf 'TURN ON\nTURN OFF\nTURN ON\nTURN OFF\nTURN ON\n' >"$work/want"
    end=$((SECONDS + 15))
    until cmp -s "$work/want" "$work/$name-sub.out"; do
        [ $SECONDS -lt $end ] || fail "arrived: $(tr '\n' ' ' <"$work/$name-sub.out")"
        sleep 0.05
    done
    status 2 "${run[@]}" --set "MQTT_STORE=$work/store$qos"
    grep -q 'MQTT_STORE: .*in use by another process' "$work/cmd.err" || fail "two devices, one store"
    over
    ok "QoS $qos: five presses outlive SIGKILL, in order"
done

store=""
outage gone
sleep 1
[ ! -s "$work/gone-sub.out" ] || fail "arrived without a store: the test shows nothing"
over
ok "without a store they do not"

printf 'no store\n' >"$work/text"
status 2 "${run[@]}" --set "MQTT_STORE=$work/text"
grep -q 'MQTT_STORE: .*it is no store of cleat' "$work/cmd.err" || fail "taken for a store"
[ "$(cat "$work/text")" = 'no store' ] || fail "somebody's file was changed"
status 2 "${run[@]}" --set MQTT_STORE=/nowhere/store
grep -q 'MQTT_STORE: /nowhere/store: ' "$work/cmd.err" || fail "no words"
ok "what is no store is left alone and told"

# refused SETTING WORDS
refused() {
    status 2 "${run[@]}" --set BROKER_PROFILE=aws --set MQTT_SECURE_CONNECTION=1 --set MQTT_PORT=8883 --set "$1"
    grep -qE -- "$2" "$work/cmd.err" || {
        cat "$work/cmd.err" >&2
        fail "no words like $2"
    }
    refuse "$work/cmd.out" 'Connecting'
}
refused MQTT_MESSAGES_QOS=2 'no QoS 2'
refused MQTT_KEEP_ALIVE_SECONDS=1201 '30 to 1200'
refused MQTT_KEEP_ALIVE_SECONDS=29 '30 to 1200'
refused MQTT_PUB_TOPIC=1/2/3/4/5/6/7/8/9 '7 slashes'
refused BROKER_PROFILE=azure 'use one of generic\|aws'
status 2 "${run[@]}" --profile none --set BROKER_PROFILE=aws --set MQTT_MESSAGES_QOS=2
grep -q 'BROKER_PROFILE=aws: AWS IoT has no QoS 2' "$work/cmd.err" || fail "the setting does not hold by itself"
ok "BROKER_PROFILE=aws is held before anything connects"
