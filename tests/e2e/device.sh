#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat run` against a Mosquitto of the test's own: each direction alone, the
# will, wrong certificates in words, what happens when retries are used up.
. "$(dirname "$0")/lib.sh"

make_ca ca
make_ca other
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
# A new chip makes its own factory CA: the broker trusts that for clients.
status 2 cleat run --chip "sim:$work/chip"
grep -q 'BEGIN CERTIFICATE' "$work/cmd.out" || fail "no certificate before configuration"
grep -q 'MQTT_BROKER_ADDRESS is not set' "$work/cmd.out" || fail "not told what to set"
ok "with nothing configured it shows the certificate and says what to set"

port=$(free_port)
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
tls_lines="cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
broker broker "$port" "$tls_lines"
broker_pid=$last
issue ca observer 'extendedKeyUsage=clientAuth'
observer=(-h localhost -p "$port" --cafile "$work/ca.pem" --cert "$work/observer.pem" --key "$work/observer.key")
run=(cleat run --chip "sim:$work/chip" --set MQTT_BROKER_ADDRESS=localhost
    --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/ca.pem" --set MQTT_CONN_RETRY_INTERVAL_MS=50)

# A device that stays up, its commands come through a pipe.
device() { # device NAME OPTIONS...
    local name=$1
    shift
    rm -f "$work/$name.in"
    mkfifo "$work/$name.in"
    "${run[@]}" "$@" <"$work/$name.in" >"$work/$name.out" 2>"$work/$name.err" &
    last=$!
    pids+=("$last")
    exec {input}>"$work/$name.in"
    expect "$work/$name.out" '^Press the user button'
}
quit() { # quit PID WANT
    local code=0
    echo quit >&"$input"
    exec {input}>&-
    wait "$1" || code=$?
    [ "$code" = "$2" ] || fail "the device ended with $code, not $2"
}

device one
one=$last
mosquitto_pub "${observer[@]}" -t ledstatus -m 'TURN ON' -q 1
expect "$work/one.out" '^LED on$'
mosquitto_pub "${observer[@]}" -t ledstatus -m 'TURN OFF' -q 2
expect "$work/one.out" '^LED off$'
mosquitto_pub "${observer[@]}" -t ledstatus -m 'DANCE'
expect "$work/one.out" 'Not a message for the LED, ignored'
head -c 100000 /dev/zero | tr '\0' x | mosquitto_pub "${observer[@]}" -t ledstatus -s
expect "$work/one.out" 'Payload : xxxxx.*\.\.\.$'
mosquitto_pub "${observer[@]}" -t ledstatus -m 'TURN ON'
end=$((SECONDS + 15))
until [ "$(grep -c '^LED on$' "$work/one.out")" -ge 2 ]; do # it was off between
    [ $SECONDS -lt $end ] || fail "the LED does not go on again"
    sleep 0.05
done
ok "a foreign publisher drives the LED; other and huge payloads are ignored"

background sub mosquitto_sub "${observer[@]}" -i observer -t ledstatus -v -C 2 -W 60
sub=$last
expect "$work/broker.err" 'Sending SUBACK to observer'
echo press >&"$input"
expect "$work/sub.out" OFF
echo press >&"$input"
wait "$sub" || fail "the observer saw no press"
[ "$(cat "$work/sub.out")" = "$(printf 'ledstatus TURN OFF\nledstatus TURN ON')" ] || fail "observer saw: $(cat "$work/sub.out")"
ok "a foreign subscriber sees the presses in turn"
quit "$one" 0
expect "$work/broker.err" 'Received DISCONNECT from psoc6'
ok "quit sends DISCONNECT and ends with 0"

background will mosquitto_sub "${observer[@]}" -i heir -t last/will -C 1 -W 60
will=$last
expect "$work/broker.err" 'Sending SUBACK to heir'
device two --set ENABLE_LWT_MESSAGE=1 --set MQTT_WILL_TOPIC_NAME=last/will --set MQTT_WILL_MESSAGE=gone
quit "$last" 0
sleep 0.5
[ ! -s "$work/will.out" ] || fail "will after a clean quit"
device three --set ENABLE_LWT_MESSAGE=1 --set MQTT_WILL_TOPIC_NAME=last/will --set MQTT_WILL_MESSAGE=gone
kill -KILL "$last"
wait "$last" 2>/dev/null || true # it has let go of the chip
exec {input}>&-
wait "$will" || fail "no will after kill"
[ "$(cat "$work/will.out")" = gone ] || fail "wrong will"
ok "the will comes on a kill and not on a clean quit"

# One attempt, then the words and the exit status.
try() { # try PATTERN OPTIONS...
    local pattern=$1
    shift
    status 5 "${run[@]}" --set MAX_MQTT_CONN_RETRIES=1 "$@"
    grep -qiE -- "$pattern" "$work/cmd.out" || {
        cat "$work/cmd.out" >&2
        fail "no words like \"$pattern\""
    }
    grep -q 'Giving up after 1 attempts' "$work/cmd.out" || fail "no giving up"
}
try 'unknown CA|not signed|no trust|issuer' --set "ROOT_CA_CERTIFICATE=$work/other.pem"
try 'localhost|host|name' --set MQTT_SNI_HOSTNAME=elsewhere.example
ok "unknown CA and wrong host are told in words"

issue ca expired 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth' -days 0
issue ca usage 'subjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth'
serve() { # serve NAME OPENSSL-OPTIONS...: a TLS server that is no broker
    local name=$1
    shift
    serve_port=$(free_port)
    background "$name" openssl s_server -accept "$serve_port" "$@" -quiet
    listening "$serve_port"
}
sleep 1.1
serve expired -cert "$work/expired.pem" -key "$work/expired.key"
try 'expired' --set "MQTT_PORT=$serve_port"
serve usage -cert "$work/usage.pem" -key "$work/usage.key"
try 'usage|purpose|not (meant )?for servers|server' --set "MQTT_PORT=$serve_port"
serve refuse -cert "$work/broker.pem" -key "$work/broker.key" -CAfile "$work/other.pem" -Verify 1 -verify_return_error
try 'alert|refused' --set "MQTT_PORT=$serve_port"
plain=$(free_port)
broker plain "$plain" 'allow_anonymous true'
try 'does not speak tls|not speak tls' --set "MQTT_PORT=$plain"
nobody=$(free_port)
try 'refused' --set "MQTT_PORT=$nobody"
try 'not known|resolve|name' --set MQTT_BROKER_ADDRESS=no-such-host.invalid
KEY_TYPE=rsa:2048 KEY_OPT='' issue ca rsa 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
serve rsa -cert "$work/rsa.pem" -key "$work/rsa.key"
try 'handshake_failure|no common|in common|suite' --set "MQTT_PORT=$serve_port"
ok "expired, wrong usage, refused, not TLS, nobody there, no such name, no common suite: in words"

rsa_port=$(free_port)
broker rsabroker "$rsa_port" "cafile $work/clients.pem\ncertfile $work/rsa.pem\nkeyfile $work/rsa.key\nrequire_certificate true\nuse_identity_as_username true"
printf 'press\nwait led on\nquit\n' | "${run[@]}" --set "MQTT_PORT=$rsa_port" \
    --set TLS_KEY_EXCHANGES=ECDHE_ECDSA,ECDHE_RSA >"$work/rsa.out" 2>&1
expect "$work/rsa.out" 'TLS-ECDHE-RSA-WITH' 0
ok "an RSA broker works when the setting allows it"

printf 'press\nwait led on\nquit\n' | "${run[@]}" --set "MQTT_PORT=$plain" --set MQTT_SECURE_CONNECTION=0 >"$work/clear.out" 2>&1
expect "$work/clear.out" 'WARNING: TLS is off' 0
ok "TLS can be switched off, with a warning"

for qos in 0 2; do
    printf 'press\nwait led on\npress\nwait led off\nquit\n' | "${run[@]}" --set MQTT_MESSAGES_QOS=$qos >"$work/qos.out" 2>&1
    expect "$work/qos.out" "QoS     : $qos" 0
done
ok "QoS 0 and 2 work as 1 does"

status 2 "${run[@]}" --set MQTT_MESSAGES_QOS=3
grep -q 'MQTT_MESSAGES_QOS: "3" is not valid: use a number from 0 to 2' "$work/cmd.err" || fail "QoS 3"
status 2 "${run[@]}" --set MQTT_PUB_TOPIC='a/#'
status 2 "${run[@]}" --set TLS_KEY_EXCHANGES=PSK
status 2 "${run[@]}" --set CLIENT_PRIVATE_KEY=key.pem
status 2 "${run[@]}" --set MQTT_PROT=1883
grep -q 'did you mean MQTT_PORT' "$work/cmd.err" || fail "no suggestion"
status 2 "${run[@]}" --set "ROOT_CA_CERTIFICATE=$work/nothing.pem"
status 2 "${run[@]}" --set ROOT_CA_CERTIFICATE=
grep -q 'ROOT_CA_CERTIFICATE is not set' "$work/cmd.out" || fail "missing CA not named"
status 3 "${run[@]}" --chip "soft:$work/broker.key,$work/observer.pem"
grep -qi 'do not work together\|belong' "$work/cmd.out" || fail "mismatched pair not told"
status 3 "${run[@]}" --chip "unix:$work/nobody.sock"
grep -q 'cleat-chipsim' "$work/cmd.err" || fail "no remedy for a missing chip"
status 3 "${run[@]}" --chip i2c:/dev/i2c-none
ok "wrong settings are refused with name, value and range, a missing chip with its own status"

# The broker goes away for good: everything is taken down in order.
device four --set MAX_MQTT_CONN_RETRIES=2
kill "$broker_pid"
code=0
wait "$last" || code=$?
exec {input}>&-
[ "$code" = 5 ] || fail "status $code when retries are used up"
expect "$work/four.out" 'Giving up after 2 attempts' 0
[ "$(tail -n 1 "$work/four.out")" = "Device: ended" ] || fail "not taken down in order"
ok "used-up retries end the device in order with their own status"

# A broker that accepts and hangs up, as at a second device with the same ID.
port=$(free_port)
background closes standin "$port" close-subscribe
expect "$work/closes.out" ready
status 5 cleat run --no-input --chip "sim:$work/chip" --set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" \
    --set MQTT_SECURE_CONNECTION=0 --set MQTT_CONN_RETRY_INTERVAL_MS=10 --set MAX_MQTT_CONN_RETRIES=5
[ "$(grep -c 'does another device use the client ID psoc6-mqtt-c-' "$work/cmd.out")" = 1 ] || fail "not told why it may be"
ok "accepted and closed again and again: the likely causes are said, once in four"

# The chip goes away, and the broker: as soon as both are back, so is the device.
broker_port=$(free_port)
sed -i "s/^listener .*/listener $broker_port 127.0.0.1/" "$work/broker.conf"
background sim cleat-chipsim --dir "$work/chip" --listen "$work/chip.sock"
sim=$last
expect "$work/sim.out" listening
background again mosquitto -c "$work/broker.conf" -v
listening "$broker_port"
again=$last
device five --chip "unix:$work/chip.sock" --set "MQTT_PORT=$broker_port" --set MQTT_CONN_RETRY_MAX_MS=200
five=$last
kill -KILL "$sim"
wait "$sim" 2>/dev/null || true
kill "$again"
wait "$again" || true
background again mosquitto -c "$work/broker.conf" -v
expect "$work/five.out" 'secure element failed: bus transfer failed'
background sim cleat-chipsim --dir "$work/chip" --listen "$work/chip.sock"
sim=$last
expect "$work/again.err" 'Sending SUBACK to psoc6'
quit "$five" 0
kill "$sim"
wait "$sim"
ok "a chip that was gone while the broker came back: the device connects once it is there"

status 4 cleat run --chip "sim:$work/chip" --set MQTT_BROKER_ADDRESS=localhost --set "ROOT_CA_CERTIFICATE=$work/ca.pem" \
    --set LINK_INTERFACE=nowhere0 --set MAX_WIFI_CONN_RETRIES=2 --set WIFI_CONN_RETRY_INTERVAL_MS=10
expect "$work/cmd.out" 'Link: Giving up after 2 attempts' 0
ok "a link that never comes ends with its own status"
