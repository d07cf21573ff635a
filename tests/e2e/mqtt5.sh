#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# MQTT 5 against a real Mosquitto: see mqtt5.c beside this script.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
broker mosquitto "$port" 'allow_anonymous true'
"$bin/mqtt5" "$port" >"$work/mqtt5.out" 2>"$work/mqtt5.err" ||
    fail "mqtt5 (its output is below)"
ok "$(cat "$work/mqtt5.out")"
