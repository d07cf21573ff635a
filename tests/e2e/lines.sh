#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The chip's reset and power lines on GPIO, by --chip, settings and environment:
# the program on a kernel that is played (cleat-jig), whose lines 1 and 2 are
# those of a virtual chip. A chip that hangs comes back by the right line.
. "$(dirname "$0")/lib.sh"

cleat-chipsim --dir "$work/master" --print-info >/dev/null
number=0
# jig OPTIONS...: a virtual chip, as it was made, behind /dev/i2c-7. It takes no
# time: a machine so busy that transfers are 20 ms apart finds a real one asleep
# each time. What it takes is in sim/driver_lines.
jig() {
    number=$((number + 1))
    cp -r "$work/master" "$work/chip$number"
    rm -f "$work/chip$number/lock"
    export JIG=$work/jig$number
    : >"$JIG.lock"
    background "sim$number" cleat-chipsim --dir "$work/chip$number" --listen "$JIG" "$@"
    expect "$work/sim$number.out" listening
}
forget() {
    rm -f "$JIG.log"
}
# levels WANT: all levels since forget, in order. A machine so busy that RST was
# low for more than 2.5 ms pulls it again; that counts once.
levels() {
    local got
    got=$(awk '{printf("%s%s=%s", (NR > 1) ? " " : "", $2, $3)}' "$JIG.log" 2>/dev/null || true)
    got=$(sed -E 's/( RST=0 RST=1)+/\1/g; s/(VDD=1 RST=1) RST=0 RST=1$/\1/' <<<"$got")
    [ "$got" = "$1" ] || fail "levels \"$got\", not \"$1\""
}
# apart A B MIN MAX: microseconds from the A-th level to the B-th. MAX is what a
# busy machine may add; the exact bounds are in sim/driver_lines.
apart() {
    local us
    us=$(awk -v a="$1" -v b="$2" 'NR == a {t = $1} NR == b {print $1 - t}' "$JIG.log")
    [ "$us" -ge "$3" ] && [ "$us" -le "$4" ] || fail "$us us from level $1 to $2"
}
bus=i2c:/dev/i2c-7
info() { # info STATUS SPEC
    forget
    status "$1" cleat-jig chip info --chip "$2"
}

# --- order and lengths -------------------------------------------------------
jig
info 0 "$bus,reset=gpiochip7:1,power=gpiochip7:2"
levels "VDD=1 RST=1 VDD=0 RST=0 VDD=1 RST=1"
apart 3 5 2000 10000000
ok "both lines: on and released when taken, then a cold reset"
info 0 "$bus,reset=RST"
levels "RST=1 RST=0 RST=1"
apart 2 3 10 10000000
ok "the reset line alone: a warm reset; a line by its name"
info 0 "$bus,power=jig:VDD"
levels "VDD=1 VDD=0 VDD=1"
ok "the power line alone: power off and on; a chip by its label"
info 0 "$bus"
levels ""
ok "no line: none is touched"
info 0 "$bus,power=/dev/gpiochip7:6:active-low,reset=/dev/gpiochip7:5:active-high"
levels "VDD=1 RST=1 VDD=0 RST=0 VDD=1 RST=1"
ok "lines behind inverters"

# --- where they are named ----------------------------------------------------
forget
CLEAT_CHIP_RESET_LINE=RST status 0 cleat-jig chip info --chip "$bus"
levels "RST=1 RST=0 RST=1"
forget
CLEAT_CHIP_RESET_LINE=RST status 0 cleat-jig chip info --chip "$bus,reset="
levels ""
# Without a broker the walk ends behind the clock, with status 2.
printf 'CHIP = %s\nCHIP_RESET_LINE = gpiochip7:1\nCHIP_POWER_LINE = VDD\n' "$bus" >"$work/cleat.conf"
forget
status 2 cleat-jig doctor --config "$work/cleat.conf"
levels "VDD=1 RST=1 VDD=0 RST=0 VDD=1 RST=1"
grep -q 'reset gpiochip7:1 (RST) active-low, power gpiochip7:2 (VDD)$' "$work/cmd.out" || fail "the doctor does not tell the lines"
forget
status 2 cleat-jig doctor --config "$work/cleat.conf" --set CHIP_POWER_LINE=
levels "RST=1 RST=0 RST=1"
forget
CLEAT_CHIP_POWER_LINE=nonsense status 2 cleat-jig doctor --config "$work/cleat.conf" --chip "$bus,power="
levels "RST=1 RST=0 RST=1"
ok "settings file, environment, --set, and --chip before all"

# --- chips that hang ---------------------------------------------------------
# hung ARG: a chip that is silent until the reset line (0) or power (1) was low.
hung() {
    jig --fault "hang@1:$1"
    status 3 cleat-jig chip info --chip "$bus" # the first transfer does it
}
# hangs ARG STATUS LINES
hangs() {
    hung "$1"
    info "$2" "$bus$3"
}
hangs 0 3 ""
hangs 0 0 ,reset=RST
hangs 0 0 ,power=VDD
hangs 0 0 ,reset=RST,power=VDD
ok "a hung chip comes back by reset or power line, not without"
hangs 1 3 ""
hangs 1 3 ,reset=RST
hangs 1 0 ,power=VDD
hangs 1 0 ,reset=RST,power=VDD
ok "one that only power helps: by the power line, not by reset"
for at in 20 40 60 80; do
    jig --fault "hang@$at"
    got=0
    cleat-jig chip info --chip "$bus,reset=RST" >"$work/cmd.out" 2>"$work/cmd.err" || got=$?
    [ $got -eq 0 ] || status 0 cleat-jig chip info --chip "$bus,reset=RST"
done
ok "hung in the middle: the next run works at the latest"
hung 0
forget
status 2 cleat-jig doctor --chip "$bus,reset=RST"
grep -q '^warn  bus .*it answers only since it was reset by its lines' "$work/cmd.out" || fail "the doctor says nothing of a hung chip"
ok "the doctor pulls the line, and says that it helped"

# --- a device ----------------------------------------------------------------
make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
cat "$work/ca.pem" "$work/master/factory-ca.pem" >"$work/clients.pem"
port=$(free_port)
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nallow_anonymous true"
jig --fault hang@30
background device cleat-jig run --no-input --chip "$bus" --set CHIP_RESET_LINE=RST --set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" \
    --set "ROOT_CA_CERTIFICATE=$work/ca.pem" --set MQTT_CONN_RETRY_INTERVAL_MS=100
expect "$work/device.out" 'Press the user button' 60
kill "$last"
wait "$last" 2>/dev/null || true
[ "$(grep -c 'RST 0' "$JIG.log")" -ge 2 ] || fail "the device did not pull the line again"
ok "a device whose chip hangs at its first signature connects all the same"

# --- what may be wrong -------------------------------------------------------
jig
# wrong WORDS LINES: status 3, what is wrong, and what to do.
wrong() {
    info 3 "$bus,$2"
    grep -qF "$1" "$work/cmd.err" || {
        cat "$work/cmd.err" >&2
        fail "$2: no word of \"$1\""
    }
    grep -qE '; .{20}' "$work/cmd.err" || fail "$2: no remedy"
}
wrong 'reset line: there is no GPIO chip /dev/gpiochip3; correct' reset=/dev/gpiochip3:1
wrong 'reset line: gpiochip7 (jig) has no line 10: it has 10, counted from 0; correct' reset=gpiochip7:10
wrong 'power line: line 3 of gpiochip7 is in use by "spi0 CS0"; end' power=gpiochip7:3
wrong 'power line: line 9 of gpiochip7 is in use by another; end' power=gpiochip7:9
wrong 'power line: line 4 of gpiochip7 cannot be an output; wire' power=IN
wrong 'reset line: no permission for /dev/gpiochip8 (group gpio?); add' reset=gpiochip8:1
wrong 'reset and power line are the same; give' reset=gpiochip7:1,power=RST
wrong 'reset line: "17" is not CHIP:OFFSET' reset=17
wrong '2 lines are named TWIN' reset=TWIN
wrong 'does not know the GPIO interface of Linux 5.10' reset=gpiochip9:0
levels ""
status 2 cleat-jig chip info --chip "$bus,rst=gpiochip7:1"
status 2 cleat-jig chip info --chip "$bus,"
status 2 cleat-jig chip info --chip "i2c:,reset=RST"
grep -qF ',reset=LINE and ,power=LINE' "$work/cmd.err" || fail "no word about the form"
ok "each mistake has its words and its remedy, and nothing was driven"
(
    exec 9<>"$JIG.lock"
    flock 9
    info 8 "$bus,reset=RST"
)
levels ""
ok "a bus that another process has: its lines are left alone"

# --- one process on a bus -----------------------------------------------------
# The lock is on the device's file, whatever name leads to it, and goes with its
# process however that ends.
: >"$work/bus"
ln -s bus "$work/link"
ln "$work/bus" "$work/other-name"
mkdir "$work/folder"
turn=0
for name in bus link other-name folder/../bus; do
    turn=$((turn + 1))
    background "holder$turn" python3 -c 'import fcntl,sys,time
f = open(sys.argv[1], "a"); fcntl.flock(f, fcntl.LOCK_EX)
print("held", flush=True); time.sleep(60)' "$work/bus"
    expect "$work/holder$turn.out" held
    status 8 cleat chip info --chip "i2c:$work/$name,reset=gpiochip0:1"
    grep -qE "in use by process $last \(python3[.0-9]*\);" "$work/cmd.err" || fail "$name: who has it is not told"
    kill -KILL "$last"
    wait "$last" 2>/dev/null || true
    status 3 cleat chip info --chip "i2c:$work/$name" --wait 5 # no bus, but no lock
done
(flock 9 && echo x >"$work/left" && exec sleep 60) 9>>"$work/bus" & # who took it has ended
pids+=("$!")
expect "$work/left" x
status 8 cleat chip info --chip "i2c:$work/bus"
grep -qF 'in use by another process;' "$work/cmd.err" || fail "a process is named that has ended"
ok "one lock for all names of a bus; none is left by a process that was killed"
