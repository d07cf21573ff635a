#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Publisher, Mosquitto and subscriber under a small list of faults, with two
# seeds; the whole size is `make chaos`.
. "$(dirname "$0")/lib.sh"
for seed in 1 2; do
    "$bin/chaos" "$bin" 400 16 $seed || fail "messages lost or doubled, seed $seed"
    ok "seed $seed"
done
