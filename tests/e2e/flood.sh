#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A client that can remember four messages of QoS 2, where Mosquitto has 300
# under way at once: see flood.c beside this script.
. "$(dirname "$0")/lib.sh"

for most in 0 200 20; do
    port=$(free_port)
    broker "mosquitto$most" "$port" \
        "allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages $most"
    for version in 4 5; do
        "$bin/flood" "$port" 4 $version >"$work/flood.out" 2>"$work/flood.err" ||
            fail "max_inflight_messages $most, version $version (its output is below)"
        ok "max_inflight_messages $most, version $version: $(cat "$work/flood.out")"
    done
done
