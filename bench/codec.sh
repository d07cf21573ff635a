#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Instructions of the MQTT library, per operation and per message, counted by
# callgrind as the difference of two run lengths: 20 B topic, 64 B payload.
#
#   bench/codec.sh [-j FILE.json]
set -euo pipefail
cd "$(dirname "$0")/.."
json=
[ "${1:-}" != -j ] || json=$2
command -v valgrind >/dev/null || { echo "codec: no valgrind" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=c11 -O2 -DCLEAT_LOG_FLOOR=1 -Iinclude -Isrc -o "$work/codec" bench/codec.c \
    src/mqtt/*.c src/mqtt/packet/*.c src/client/*.c src/base/{bytes,error,log,backoff}.c
count() { # operation count [buffer]: instructions
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/codec" "$@" 2>&1 |
        awk '/Collected/ { print $4 }'
}
sep='['
[ -z "$json" ] || : >"$json"
row() { # name operation bound peer peer_value count1 count2 [buffer]
    local a b value holds
    a=$(count "$2" "$6" ${8:-})
    b=$(count "$2" "$7" ${8:-})
    value=$(((b - a) / ($7 - $6)))
    holds=$([ "$value" -le "$3" ] && echo true || echo false)
    printf '%-34s %8d  <= %-8d %-5s %s %s\n' "$1" "$value" "$3" \
        "$([ "$holds" = true ] && echo holds || echo NOT)" "$4" "$5"
    [ -z "$json" ] || printf '%s\n  {"name": "%s", "value": %d, "unit": "instructions", "peer": "%s", "peer_value": %d, "ratio": %s, "bound": %d, "holds": %s}' \
        "$sep" "$1" "$value" "$4" "$5" "$(awk "BEGIN { printf \"%.3f\", $value / $5 }")" "$3" "$holds" >>"$json"
    sep=,
}
echo "instructions (callgrind, difference of two run lengths); peers as measured before"
row "serialise PUBLISH" serialise 180 coreMQTT 197 1000 3000
row "serialise its header" header 110 coreMQTT 104 1000 3000
row "parse PUBLISH" parse 175 coreMQTT 148 1000 3000
row "stream of 1000 mixed packets" stream 145000 coreMQTT 139836 2 12
row "the same in MQTT 5" stream5 200000 "coreMQTT 5" 288547 2 12
row "with a property in each PUBLISH" stream5p 200000 "coreMQTT 5" 288547 2 12
row "publish QoS 0, a message" pub0 300 "best peer" 342 1000 3000
row "publish QoS 1, a message" pub1 700 "best peer" 1203 1000 3000
row "publish QoS 2, a message" pub2 1200 "best peer" 2164 1000 3000
row "receive QoS 0, a message" sub0 350 "best peer" 561 1000 3000
row "receive QoS 1, a message" sub1 500 "best peer" 1159 1000 3000
row "receive QoS 2, a message" sub2 900 "best peer" 2125 1000 3000
row "receive QoS 1, buffer 512 B" sub1 500 "best peer" 1159 1000 3000 512
row "receive QoS 1, buffer 64 KiB" sub1 500 "best peer" 1159 1000 3000 65536
[ -z "$json" ] || printf '\n]\n' >>"$json"
