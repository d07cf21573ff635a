#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# While nobody waits for it the chip makes the key pair and the random number of
# the next connection: a reconnect asks it for an agreement, a signature and two
# verifications only, with threads and in one loop.
. "$(dirname "$0")/lib.sh"

make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
status 2 cleat run --chip "sim:$work/chip"
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
port=$(free_port)
start() {
    broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
    broker_pid=$last
}
restart() {
    kill "$broker_pid"
    wait "$broker_pid" || true
    start
}

# calls N: what the chip did for the N-th connection.
calls() {
    local end=$((SECONDS + 20))
    until [ "$(grep -c '^TLS: done' "$work/run.out")" -ge "$1" ]; do
        [ $SECONDS -lt $end ] || fail "no connection number $1"
        sleep 0.05
    done
    grep '^TLS: done' "$work/run.out" | sed -n "$1p"
}

# ahead N: the chip has been asked for N random numbers; of that command the trace
# shows no more than that it has 7 bytes. What is made ahead ends with one, and
# a connection waits for what the chip is at.
ahead() {
    local end=$((SECONDS + 20))
    until [ "$(grep -cE ' write +4 +80 .. 00 07 $' "$work/run.err")" -ge "$1" ]; do
        [ $SECONDS -lt $end ] || fail "no random number $1 is made"
        sleep 0.05
    done
}

# is N LINE
is() {
    local got
    got=$(calls "$1")
    [ "$got" = "TLS: done by the chip: $2" ] || fail "connection $1: $got"
}

for mode in '' --one-loop; do
    start
    rm -f "$work/run.in"
    mkfifo "$work/run.in"
    # shellcheck disable=SC2086 # none or one
    cleat run $mode --trace i2c --chip "sim:$work/chip" --set MQTT_BROKER_ADDRESS=localhost \
        --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/ca.pem" \
        --set MQTT_CONN_RETRY_INTERVAL_MS=200 --set MQTT_CONN_RETRY_MAX_MS=400 \
        <"$work/run.in" >"$work/run.out" 2>"$work/run.err" &
    pid=$!
    pids+=("$pid")
    exec {input}>"$work/run.in"
    expect "$work/run.out" '^Press the user button'
    is 1 '1 key pair, 1 shared secret, 1 signature, 2 verifications, 1 random; made ahead: 0'
    for n in 2 3; do
        ahead "$n" # one of the first connection, then one after each
        restart
        is "$n" '0 key pair, 1 shared secret, 1 signature, 2 verifications, 0 random; made ahead: 2'
    done
    ok "${mode:-threads}: after the first connection key pair and random number are there"

    expect "$work/run.out" 'Connected to'
    echo press >&"$input"
    expect "$work/run.out" '^LED on$'
    echo quit >&"$input"
    exec {input}>&-
    wait "$pid" || fail "the device ended badly"
    kill "$broker_pid"
    wait "$broker_pid" || true
    : >"$work/run.out"
    ok "${mode:-threads}: what is ready at the end is given back, the chip closes"
done
