#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The conformance suite on the bare-metal port, in an emulated board.
# usage: bare.sh TARGET TOOLCHAIN    status 77: tools are missing (named)
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$1
toolchain=$2
missing=$(tools/firmware missing "$target" "$toolchain" | tr '\n' ' ')
if [ -n "$missing" ]; then
    echo "port: skipped, missing: $missing(make cross)"
    exit 77
fi
dir=build/cross/port-$target-$toolchain
mkdir -p "$dir"
if ! cmake --preset "firmware-$toolchain" -B "$dir" -DCLEAT_BOARD="$target" \
    -DCLEAT_PROFILE=small -DCLEAT_WERROR=ON >"$dir/log" 2>&1 ||
    ! cmake --build "$dir" --target port_bare_conformance >>"$dir/log" 2>&1; then
    tail -n 30 "$dir/log" >&2
    exit 1
fi
status=0
timeout 120 qemu-system-arm -M "$(cat "$dir/machine")" -display none -monitor none \
    -nic none -no-reboot -serial stdio -semihosting-config enable=on,target=native \
    -kernel "$dir/port_bare_conformance.elf" </dev/null >"$dir/out" 2>"$dir/err" || status=$?
head -n 60 "$dir/out" | tr -d '\r'
[ "$status" = 0 ] && grep -q 'ALL PASSED' "$dir/out" && grep -q '^exit 0' "$dir/out"
