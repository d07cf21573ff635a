#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How the cost of one grows with the number there are: instructions (callgrind,
# difference of two run lengths) with 1 to 10,000 messages in flight, filters
# and subscriptions. Draws the curves, too.
#
#   bench/linear.sh [-j FILE.json] [-p FILE.svg]
set -euo pipefail
cd "$(dirname "$0")/.."
json='' svg=''
while getopts j:p: option; do
    case $option in
    j) json=$OPTARG ;;
    p) svg=$OPTARG ;;
    *) exit 2 ;;
    esac
done
command -v valgrind >/dev/null || { echo "linear: no valgrind" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=c11 -O2 -DCLEAT_LOG_FLOOR=1 -Iinclude -Isrc -o "$work/linear" bench/linear.c \
    src/mqtt/*.c src/mqtt/packet/*.c src/client/*.c src/base/{bytes,error,log,backoff}.c
count() { # operation n count: instructions
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/linear" "$@" 2>&1 |
        awk '/Collected/ { n = $4 } END { if (n == "") exit 1; print n }'
}
# What is moved up when a table is full happens once in n: at least n must be
# counted for a mean.
one() { # operation n: instructions of one
    local few=$(($2 / 2)) more=$((2 * $2)) each=1 a b
    [ "$few" -ge 100 ] || few=100
    [ "$more" -ge 1000 ] || more=1000
    case $1 in
    restore) few=1 more=2 each=$2 ;;
    dispatch) few=2 more=10 each=$2 ;;
    esac
    a=$(count "$1" "$2" "$few")
    b=$(count "$1" "$2" $((few + more)))
    echo $(((b - a) / (more * each)))
}
# A row for each operation: its peer is the same with 10.
printf '%-40s %8s %8s %8s %8s %8s %7s\n' "instructions of one, by how many there are" 1 10 100 1000 10000 ratio
while IFS='|' read -r operation name unit bound; do
    row=()
    for n in 1 10 100 1000 10000; do
        value=$(one "$operation" "$n")
        row+=("$value")
        echo "$name|$n|$value" >>"$work/curves"
    done
    ratio=$(awk "BEGIN { printf \"%.3f\", ${row[4]} / ${row[1]} }")
    holds=null verdict=
    if [ "$bound" != null ]; then
        holds=$(awk "BEGIN { print ($ratio <= $bound) ? \"true\" : \"false\" }")
        verdict="  <= $bound: $([ "$holds" = true ] && echo holds || echo MISSED)"
    fi
    printf '%-40s %8d %8d %8d %8d %8d %7.2f%s\n' "$name" "${row[@]}" "$ratio" "$verdict"
    printf '{"name": "%s, 10,000", "value": %d, "unit": "%s", "peer": "10 of them", "peer_value": %d, "ratio": %s, "bound": %s, "holds": %s}\n' \
        "$name" "${row[4]}" "$unit" "${row[1]}" "$ratio" "$bound" "$holds" >>"$work/rows"
done <<'END'
pub1|publish QoS 1, in flight|instructions a message|1.5
pub2|publish QoS 2, in flight|instructions a message|1.5
random1|QoS 1, acknowledged in any order|instructions a message|null
held2|receive QoS 2, not released|instructions a message|1.5
dispatch|dispatch, filters in the table|instructions a filter|1.5
restore|restore, subscriptions|instructions a subscription|1.5
END
if [ -n "$json" ]; then
    { echo "["; sed '$!s/$/,/' "$work/rows"; echo "]"; } >"$json"
fi
if [ -n "$svg" ]; then
    awk -f bench/plot.awk "$work/curves" >"$svg"
    echo "curves: $svg"
fi
