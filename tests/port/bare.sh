#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The conformance suite on the bare-metal port, in an emulated board.
# usage: bare.sh TARGET TOOLCHAIN    status 77: tools are missing (named)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/image.sh
dir=build/cross/port-$1-$2
can_build "$1" "$2" || exit 77
build_image "$dir" port_bare_conformance "$1" "$2"
status=0
run_image "$dir" port_bare_conformance 120 -nic none >"$dir/out" 2>"$dir/err" || status=$?
head -n 60 "$dir/out" | tr -d '\r'
[ "$status" = 0 ] && grep -q 'ALL PASSED' "$dir/out" && grep -q '^exit 0' "$dir/out"
