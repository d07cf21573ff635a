#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The firmware image in QEMU against a real Mosquitto, its key in a virtual chip
# behind the I2C bridge. Skipped, saying so, where compiler, emulator or sources
# are missing: `make firmware-test` gets them. TARGET and TOOLCHAIN pick another
# image; with PRESSES=1 the test ends after the first presses.
. "$(dirname "$0")/lib.sh"

target=${TARGET:-mps2-an386}
toolchain=${TOOLCHAIN:-GCC_ARM}
missing=$(tools/firmware missing "$target" "$toolchain" | tr '\n' ' ')
if [ -n "$missing" ]; then
    echo "SKIPPED: the firmware needs $missing"
    trap - EXIT
    rm -rf "$work"
    exit 77
fi
elf=$(tools/firmware build "$target" "$toolchain" 2>"$work/build.err")
image=$(dirname "$elf")
ok "an image for $target is built with $toolchain"

make_ca ca
make_ca other
make_ca factory
cat "$work/ca.pem" "$work/factory.pem" >"$work/clients.pem"
issue ca broker 'subjectAltName=IP:10.0.2.2,DNS:localhost\nextendedKeyUsage=serverAuth'
issue ca observer 'extendedKeyUsage=clientAuth'

# chip NAME: a virtual chip that listens in $work/NAME.
chip() {
    mkdir -p "$work/$1"
    background "chip-$1" cleat-chipsim --dir "$work/$1/chip" --listen "$work/$1/chip.sock" \
        --ca-cert "$work/factory.pem" --ca-key "$work/factory.key" --trace
    expect "$work/chip-$1.out" 'listening'
}

# image NAME SETTINGS: boot it; console in $work/NAME.out, answers of the
# control channel in $work/NAME.ctl. Its pid is in $last.
image() {
    local name=$1
    shift
    for fifo in control.in control.out qmp.in qmp.out; do
        [ -p "$work/$name/$fifo" ] || mkfifo "$work/$name/$fifo"
    done
    rm -f "$work/$name.ctl" "$work/$name/qemu.log"
    : >"$work/$name.out" 
    cat "$work/$name/control.out" >"$work/$name.ctl" &
    pids+=("$!")
    cat "$work/$name/qmp.out" >"$work/$name.qmp" &
    pids+=("$!")
    background "$name" tools/emulate "$image" "$work/$name" \
        MQTT_BROKER_ADDRESS=10.0.2.2 "MQTT_PORT=$port" "ROOT_CA_CERTIFICATE=$work/ca.pem" \
        MQTT_CONN_RETRY_INTERVAL_MS=100 MQTT_CONN_RETRY_MAX_MS=1000 "$@"
}

tell() { # tell NAME COMMAND
    echo "$2" >"$work/$1/control.in"
}

ask() { # ask NAME COMMAND PATTERN: until the answer matches
    local end=$((SECONDS + 20))
    until tell "$1" "$2" && sleep 0.1 && tail -n 3 "$work/$1.ctl" | grep -qE -- "$3"; do
        [ $SECONDS -lt $end ] || fail "$1 does not answer $3 to $2"
    done
}

times() { # times NAME PATTERN COUNT: until so many lines match
    local end=$((SECONDS + 40))
    until [ "$(grep -cE -- "$2" "$work/$1.out")" -ge "$3" ]; do
        [ $SECONDS -lt $end ] || fail "$1: not $3 lines like \"$2\""
        sleep 0.05
    done
}

ended() { # ended PID STATUS
    local code=0
    wait "$1" || code=$?
    [ "$code" = "$2" ] || fail "the image ended with status $code, not $2"
}

start_broker() {
    broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
    broker_pid=$last
}

stop_broker() { # and its port is free
    kill "$broker_pid"
    wait "$broker_pid" || true
}

port=$(free_port)
for name in one two three; do chip "$name"; done
# Before any setting, with the broker not even there: certificate and advice.
image one MQTT_BROKER_ADDRESS=
ended "$last" 2
expect "$work/one.out" 'BEGIN CERTIFICATE' 0
expect "$work/one.out" 'MQTT_BROKER_ADDRESS is not set' 0
tr -d '\r' <"$work/one.out" | sed -n '/BEGIN CERT/,/END CERT/p' |
    openssl verify -CAfile "$work/factory.pem" >/dev/null
ok "with nothing configured it shows the chip's certificate and says what to set"

start_broker
observer=(-h localhost -p "$port" --cafile "$work/ca.pem" --cert "$work/observer.pem" --key "$work/observer.key")

image one
one=$last
expect "$work/one.out" '^Press the user button \(SW2\) to publish "TURN ON"/"TURN OFF" on the topic '\''ledstatus'\' 30
order=$(grep -oE '^(Secure element initialised|-----BEGIN|Link: Up|TLS initialised|MQTT library|MQTT: Connecting as|MQTT: Connected|Subscriber: Subscribed|Press the user)' "$work/one.out" | tr '\n' '|')
[ "$order" = "Secure element initialised|-----BEGIN|Link: Up|TLS initialised|MQTT library|MQTT: Connecting as|MQTT: Connected|Subscriber: Subscribed|Press the user|" ] ||
    fail "order of start-up: $order"
expect "$work/one.out" 'done by the chip: 1 key pair, 1 shared secret, 1 signature, 2 verifications' 0
ok "start-up goes chip, certificate, link, MQTT, subscription; TLS keys are the chip's"

tell one press
expect "$work/one.out" '^LED on'
ask one led '^led on$'
tell one press
expect "$work/one.out" '^LED off'
ask one led '^led off$'
expect "$work/one.out" "^Publisher: Publishing 'TURN ON' on the topic 'ledstatus'" 0
expect "$work/one.out" '^    Payload : TURN ON' 0
mosquitto_pub "${observer[@]}" -t ledstatus -m 'TURN ON' -q 2
times one '^LED on' 2
ok "the button's interrupt publishes, the broker's message sets the LED; a foreign one too"
if [ -n "${PRESSES:-}" ]; then
    tell one quit
    ended "$one" 0
    [ ! -s "$work/one/qemu.log" ] || fail "the image did what the board does not allow"
    exit 0
fi

head -c 100000 /dev/zero | tr '\0' x | mosquitto_pub "${observer[@]}" -t ledstatus -s -q 1
times one 'Payload : xxxxx.*\.\.\.' 1
for _ in $(seq 20); do echo 'TURN OFF'; echo 'TURN ON'; done | mosquitto_pub "${observer[@]}" -t ledstatus -l -q 1
times one '^LED on' 22
ask one led '^led on$'
refuse "$work/one.out" 'Connection lost'
ok "100 kB in one message and a burst of small ones pass through 1 kB buffers"
dropped=$(ask one stats '^net' && grep '^net' "$work/one.ctl" | tail -n 1)
echo "    $dropped"
offs_before=$(grep -c '^LED off' "$work/one.out")
presses_before=$(grep -c '^LED on' "$work/one.out")

# Idle: what the loop counted between two looks five seconds apart.
figures() {
    local before
    before=$(grep -c '^net' "$work/one.ctl") || true # the answer's last line
    tell one stats
    until [ "$(grep -c '^net' "$work/one.ctl")" -gt "$before" ]; do sleep 0.05; done
    sed -n 's/.*total_ms=\([0-9]*\) awake_us=\([0-9]*\).*/\1 \2/p' "$work/one.ctl" | tail -n 1
}
cpu() { # ticks of the emulator's own time
    awk '{print $14 + $15}' "/proc/$one/stat"
}
sleep 1
for _ in 1 2 3; do # the emulator may have to wait for the machine while awake
    read -r ms0 us0 <<<"$(figures)"
    cpu0=$(cpu)
    sleep 5
    read -r ms1 us1 <<<"$(figures)"
    cpu1=$(cpu)
    permille=$(((us1 - us0) / (ms1 - ms0)))
    [ "$permille" -gt 20 ] || break
done
[ "$permille" -le 20 ] || fail "awake $permille per mille of the time when idle"
ok "idle: awake $permille per mille of $((ms1 - ms0)) ms; the emulator used $(((cpu1 - cpu0) * 1000 / $(getconf CLK_TCK))) ms"

stop_broker
times one '^MQTT: Connection (lost|failed)' 1
tell one press
start_broker
times one '^LED off' $((offs_before + 1))
times one '^MQTT: Connected' 2
ok "broker stopped and started: restored, and the press meanwhile is delivered"

qmp() {
    printf '%s\n' '{"execute":"qmp_capabilities"}' "$1" >"$work/one/qmp.in"
}
qmp '{"execute":"set_link","arguments":{"name":"net0","up":false}}'
times one '^Link: Lost' 1
tell one press
sleep 1
qmp '{"execute":"set_link","arguments":{"name":"net0","up":true}}'
times one '^LED on' $((presses_before + 1))
times one '^Link: Up' 2
ok "cable out and in: link first, then MQTT, and the press meanwhile is delivered"

for name in two three; do
    image "$name"
    expect "$work/$name.out" '^Press the user' 30
done
tell two press
for name in one two three; do
    ask "$name" led '^led on$'
done
tell three press
for name in one two three; do
    ask "$name" led '^led off$'
done
[ "$(cat "$work"/{one,two,three}.out | grep -oE 'Connecting as [^ ]+' | sort -u | wc -l)" = 3 ] ||
    fail "client IDs are not unique"
ok "three images on one topic follow each other"
for name in two three; do tell "$name" quit; done
ended "$last" 0
expect "$work/two.out" '^Device: ended'

# Memory: TLS loses most of its block; the next handshake must say so, go on,
# and succeed once memory is back.
losses=$(grep -cE '^MQTT: Connection (lost|failed)' "$work/one.out")
stop_broker
times one '^MQTT: Connection (lost|failed)' $((losses + 1))
ask one 'hog 9000' '^ok$'
start_broker
expect "$work/one.out" '^MQTT: Connection failed: .*memory'
connected=$(grep -c '^MQTT: Connected' "$work/one.out")
ask one 'hog 0' '^ok$'
times one '^MQTT: Connected' $((connected + 1))
ok "out of memory in TLS is told, and the connection comes back with the memory"

# The same of lwIP: no room to send, then none to connect.
losses=$(grep -cE '^MQTT: Connection lost' "$work/one.out")
connected=$(grep -c '^MQTT: Connected' "$work/one.out")
times one '^Press the user' 1
ask one 'starve on' '^ok$'
tell one press
times one '^MQTT: Connection (lost|failed): the TCP/IP stack is out of memory' 2
ask one 'starve off' '^ok$'
times one '^MQTT: Connected' $((connected + 1))
[ "$(grep -cE '^MQTT: Connection lost' "$work/one.out")" = $((losses + 1)) ] || fail "not lost once"
ok "out of memory in lwIP is told, and the connection comes back with the memory"

# Of lwIP's pool for what is received: frames are dropped, acknowledgements with
# them. What was pressed meanwhile arrives when there are buffers again.
losses=$(grep -cE '^MQTT: Connection lost' "$work/one.out")
connected=$(grep -c '^MQTT: Connected' "$work/one.out")
leds=$(grep -c '^LED' "$work/one.out")
ask one 'drain on' '^ok$'
tell one press
times one '^error: no buffer for a frame, dropped' 1
times one '^MQTT: Connection lost' $((losses + 1))
times one '^MQTT: Connection failed: connection timed out' 1
ask one 'drain off' '^ok$'
times one '^MQTT: Connected' $((connected + 1))
times one '^LED' $((leds + 1))
[ "$(grep -c '^error: no buffer' "$work/one.out")" -lt 20 ] || fail "told for each frame"
ok "out of buffers for frames is told, the connection comes back with them, the press arrives"

background will mosquitto_sub "${observer[@]}" -i heir -t last/will -C 1 -W 180
will=$last
expect "$work/broker.err" 'Sending SUBACK to heir'
tell one quit
ended "$one" 0
expect "$work/broker.err" 'Received DISCONNECT from psoc6'
expect "$work/one.out" '^Device: ended' 0
ok "quit sends DISCONNECT, takes everything down and ends with 0"
will_settings=(ENABLE_LWT_MESSAGE=1 MQTT_WILL_TOPIC_NAME=last/will MQTT_WILL_MESSAGE=gone)
image one "${will_settings[@]}"
expect "$work/one.out" '^Press the user' 30
tell one quit
ended "$last" 0
[ ! -s "$work/will.out" ] || fail "will after a clean quit"
image one "${will_settings[@]}"
one=$last
expect "$work/one.out" '^Press the user' 30
kill -KILL "$one"
wait "$one" 2>/dev/null || true
wait "$will" || fail "no will after kill"
[ "$(cat "$work/will.out")" = gone ] || fail "wrong will"
ok "the will comes on a kill and not on a clean quit"

# try PATTERN SETTINGS: one attempt; the words, and the status of used-up tries.
try() {
    local pattern=$1
    shift
    image one MAX_MQTT_CONN_RETRIES=1 "$@"
    ended "$last" 5
    grep -qiE -- "$pattern" "$work/one.out" || fail "no words like \"$pattern\""
    expect "$work/one.out" 'Giving up after 1 attempts' 0
}
try 'unknown CA|not signed|no trust|issuer' "ROOT_CA_CERTIFICATE=$work/other.pem"
try 'elsewhere' MQTT_SNI_HOSTNAME=elsewhere.example
issue ca expired 'subjectAltName=IP:10.0.2.2\nextendedKeyUsage=serverAuth' -days 0
serve() { # serve NAME OPENSSL-OPTIONS
    local name=$1
    shift
    serve_port=$(free_port)
    background "$name" openssl s_server -accept "$serve_port" "$@" -quiet
    listening "$serve_port"
}
sleep 1.1
serve expired -cert "$work/expired.pem" -key "$work/expired.key"
try 'expired' "MQTT_PORT=$serve_port"
serve refusing -cert "$work/broker.pem" -key "$work/broker.key" -CAfile "$work/other.pem" -Verify 1 -verify_return_error
try 'refused by the server \(alert unknown_ca\); it does not know' "MQTT_PORT=$serve_port"
try 'refused' "MQTT_PORT=$(free_port)"
ok "unknown CA, wrong name, expired, refused, nobody there: in words, status 5"

# Each way to fail is reported, and the board starts again by itself.
image one
one=$last
expect "$work/one.out" '^Press the user' 30
starts=1
fails() { # fails HOW PATTERN FUNCTION
    tell one "fail $1"
    times one "$2" 1
    starts=$((starts + 1))
    times one '^Press the user' $starts
    local line
    line=$(grep -oE 'addr2line .*' "$work/one.out" | tail -n 1 | tr -d '\r')
    # shellcheck disable=SC2086 # addresses
    arm-none-eabi-addr2line -fipe "$elf" ${line#*firmware.elf } >"$work/where"
    grep -qE "$3" "$work/where" || fail "$1: addr2line says $(cat "$work/where")"
}
# Inlined, the innermost name may be the caller's.
fails null '^FAULT: .*mmfar=0x00000008' 'touch|fail_as_told|control_step'
fails bus '^FAULT: .*bfar=0x50000000' 'touch|fail_as_told|control_step'
fails stack '^FAULT: the stack is used up' 'overflow'
fails canary '^CANARY: a function wrote past its array' 'smash|fail_as_told|control_step'
fails hang '^WATCHDOG: no progress' 'fail_as_told|control_step'
tell one press
expect "$work/one.out" '^Publisher: Publishing'
tell one quit
ended "$one" 0
ok "null pointer, bad address, stack overflow, canary, hang: reported for addr2line, restarted"

canaries() { # canaries IMAGE-DIR: as GCC makes it
    [ "$toolchain" != GCC_ARM ] || tools/firmware-canaries "$1/firmware.elf" >"$work/canaries" ||
        fail "$1: $(cat "$work/canaries")"
}
canaries "$image"

# The large profile: a broker whose certificate is RSA.
KEY_TYPE=rsa:2048 KEY_OPT='' issue ca rsa 'subjectAltName=IP:10.0.2.2\nextendedKeyUsage=serverAuth'
port=$(free_port)
broker rsa "$port" "cafile $work/clients.pem\ncertfile $work/rsa.pem\nkeyfile $work/rsa.key\nrequire_certificate true\nuse_identity_as_username true"
small=$image
image=$(dirname "$(tools/firmware build "$target" "$toolchain" large 2>>"$work/build.err")")
canaries "$image"
image two TLS_KEY_EXCHANGES=ECDHE_ECDSA,ECDHE_RSA
expect "$work/two.out" '^Press the user' 30
expect "$work/two.out" 'TLS-ECDHE-RSA-WITH' 0
tell two stats
expect "$work/two.ctl" '^memory'
figure=$(grep '^memory' "$work/two.ctl")
tell two quit
ended "$last" 0
image=$small
ok "the large profile takes an RSA broker ($figure)"

# The tiny profile: numbers in place of sentences, settings built in for good.
port=$(free_port)
built_in() { # built_in NAME=VALUE...: in a build of its own
    local IFS=';'
    image=build/firmware/e2e-tiny
    cmake --preset "firmware-$toolchain" -B "$image" -DCLEAT_BOARD="$target" -DCLEAT_PROFILE=tiny \
        "-DCLEAT_ROOT_CA=$work/ca.pem" "-DCLEAT_SETTINGS=$*" "-DCLEAT_CHIP_LINES=${lines:-RESET;POWER}" >"$work/tiny.out" 2>&1 &&
        cmake --build "$image" >>"$work/tiny.out" 2>&1
}
! built_in MQTT_KEEP_ALIVE_SECONDS=5 BROKER_PROFILE=aws || fail "built with settings that do not hold"
grep -q '30 to 1200' "$work/tiny.out" || fail "not told which setting"
! built_in "MQTT_USERNAME=$(printf 'Gro\337')" || fail "built with a user name that is none"
grep -q 'MQTT_USERNAME: not UTF-8' "$work/tiny.out" || fail "not told that it is no UTF-8"
! built_in MQTT_PORT=70000 || fail "built with a port that is none"
built_in MQTT_BROKER_ADDRESS=10.0.2.2 "MQTT_PORT=$port" \
    MQTT_CONN_RETRY_INTERVAL_MS=100 MQTT_CONN_RETRY_MAX_MS=1000 || fail "not built"
start_broker
image three
three=$last
expect "$work/three.out" '^80 SW2 TURN ON TURN OFF ledstatus' 30
# shellcheck disable=SC2059 # escapes
printf "$(tr -d '\r' <"$work/three.out" | sed -n 's/^36 //p' | sed 's/../\\x&/g' | tr -d '\n')" |
    openssl x509 -inform der | openssl verify -CAfile "$work/factory.pem" >/dev/null
tell three press
expect "$work/three.out" '^LED on'
stop_broker
expect "$work/three.out" '^6[34][ :]'
expect "$work/three.out" '^65 [0-9]+ [0-9]+ 150'
start_broker
times three '^56 10\.0\.2\.2' 2
ask three stats '^press, quit$'
tell three quit
ended "$three" 0
expect "$work/three.out" '^32' 0
canaries "$image"
ok "the tiny profile does the same, says it by number and has its settings checked when it is built"

# The kind of reset follows from the lines that the board has.
levels() { # levels WANT: of the chip's lines when the image opens it
    local at got
    at=$(wc -l <"$work/chip-three.err")
    image three
    three=$last
    expect "$work/three.out" '^80 SW2' 30
    tell three quit
    ended "$three" 0
    got=$(tail -n "+$((at + 1))" "$work/chip-three.err" | grep -oE 'power (off|on)|reset line (low|high)' | tr '\n' ',' || true)
    [ "$got" = "$1" ] || fail "levels of the chip's lines: \"$got\", not \"$1\""
}
levels 'power off,reset line low,power on,reset line high,'
lines=RESET
built_in MQTT_BROKER_ADDRESS=10.0.2.2 "MQTT_PORT=$port" || fail "not built"
levels 'reset line low,reset line high,'
lines=NONE
built_in MQTT_BROKER_ADDRESS=10.0.2.2 "MQTT_PORT=$port" || fail "not built"
levels ''
lines=RESTE
! built_in MQTT_BROKER_ADDRESS=10.0.2.2 "MQTT_PORT=$port" || fail "built with a line that is none"
grep -q 'RESTE is not RESET, POWER or NONE' "$work/tiny.out" || fail "not told which line"
unset lines
image=$small
ok "reset is cold, warm or by command, as CLEAT_CHIP_LINES has it"

for name in one two three; do
    # The bad address is ours.
    if grep -v 'Invalid.*0x50000000' "$work/$name/qemu.log" | grep -q .; then
        cat "$work/$name/qemu.log" >&2
        fail "the image did what the board does not allow"
    fi
done
ok "no access that the board does not allow"

status 2 tools/firmware build no-such-board "$toolchain"
grep -q 'mps2-an385' "$work/cmd.err" || fail "no list of boards"
status 2 tools/firmware build "$target" IAR
grep -q 'known are: GCC_ARM' "$work/cmd.err" || fail "no list of compilers"
mkdir "$work/board"
sed '/BOARD_USER_LED/d' boards/mps2/board.h >"$work/board/board.h"
code=0
arm-none-eabi-gcc -fsyntax-only -Iinclude -I"$work/board" firmware/resources.c 2>"$work/lacks" || code=$?
[ $code -ne 0 ] || fail "a board without LED was taken"
grep -q 'lacks the user LED' "$work/lacks" || fail "the missing resource is not named"
ok "unknown boards and compilers are refused with the list, a missing resource with its name"
