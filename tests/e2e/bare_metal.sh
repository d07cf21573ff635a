#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The example for bare metal, as an image on an emulated board: its message
# comes out of a broker on this machine. Skipped, saying so, where compiler,
# emulator or sources are missing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../support/image.sh"

target=${TARGET:-mps2-an386}
toolchain=${TOOLCHAIN:-GCC_ARM}
can_build "$target" "$toolchain" || {
    trap - EXIT
    rm -rf "$work"
    exit 77
}
dir=build/cross/example-$target-$toolchain
port=$(free_port)
broker broker "$port" 'allow_anonymous true' # has the port while the image is built
build_image "$dir" bare_metal "$target" "$toolchain" "-DCLEAT_EXAMPLE_PORT=$port" ||
    fail "examples/bare_metal.c does not build"
ok "an image for $target is built with $toolchain"

background sub mosquitto_sub -i watcher -p "$port" -t greetings -q 1 -F '%t %q %p' -C 1 -W 60
sub=$last
expect "$work/broker.err" 'Sending SUBACK'
run_image "$dir" bare_metal 60 -nic user -d guest_errors,unimp -D "$work/qemu.log" \
    >"$work/image.out" 2>"$work/image.err" &
image=$!
pids+=("$image")
wait "$sub" || fail "nothing arrived"
[ "$(cat "$work/sub.out")" = 'greetings 1 hello' ] || fail "arrived: $(cat "$work/sub.out")"
code=0
wait "$image" || code=$?
[ "$code" = 0 ] || fail "the image ended with status $code"
expect "$work/broker.err" 'Received DISCONNECT from auto-'
[ ! -s "$work/qemu.log" ] || fail "the image did what the board does not allow"
ok "its message arrives at QoS 1, it says goodbye and ends with status 0"
