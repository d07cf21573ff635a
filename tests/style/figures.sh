#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shape of build/bench.json and build/size.json: what bench/report.c writes
# passes tools/check-figures, what differs from it does not, and files that were
# measured before have it.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
say() {
    echo "figures: $*" >&2
    failed=1
}
cat >"$work/main.c" <<'C'
#include <stddef.h>

#include "bench/report.h"

int main(int argc, char **argv) {
    struct bench_report *r = bench_open("title", argc > 1 ? argv[1] : NULL);
    struct bench_row row = {.name = "alone", .value = 1.5e-7, .unit = "s"};
    bench_add(r, &row);
    row.bound_on = BENCH_VALUE_AT_MOST;
    bench_add(r, &row);
    row.peer = "peer";
    row.peer_value = 3;
    row.bound_on = BENCH_RATIO_AT_MOST;
    row.bound = 1.15;
    bench_add(r, &row);
    row.bound_on = BENCH_NO_BOUND;
    bench_add(r, &row);
    return bench_close(r) != 1;
}
C
${CC:-cc} -std=c11 -I. -o "$work/main" "$work/main.c" bench/report.c
"$work/main" "$work/good.json" >/dev/null
tools/check-figures "$work/good.json" || say "what bench/report.c writes is refused"
[ "$(grep -c '"name"' "$work/good.json")" -eq 4 ] || say "bench/report.c lost a row"

# bad WHAT SED-SCRIPT: the good file, changed, must be refused.
bad() {
    sed "$2" "$work/good.json" >"$work/bad.json"
    ! cmp -s "$work/good.json" "$work/bad.json" || say "nothing changed: $1"
    ! tools/check-figures "$work/bad.json" 2>/dev/null || say "not refused: $1"
}
bad "a member missing" '2s/"unit": "[^"]*", //'
bad "a member in another place" '2s/\("unit": "s"\), \("peer": null\)/\2, \1/'
bad "a member too many" '2s/"unit"/"more": 1, "unit"/'
bad "a text for a number" '2s/"value": [^,]*/"value": "1"/'
bad "no number" '2s/"value": [^,]*/"value": nan/'
bad "a peer without its value" '4s/"peer_value": [^,]*/"peer_value": null/'
bad "a bound without a verdict" '4s/"holds": [a-z]*/"holds": null/'
bad "no comma" '2s/,$//'
bad "a comma at the end" '5s/$/,/'
bad "no end" '$d'
bad "something after the end" '$s/$/\n{}/'
bad "an empty array" '2,5d'

for file in build/bench.json build/size.json; do
    [ ! -f "$file" ] || [ "$file" -ot tools/check-figures ] || tools/check-figures "$file" || failed=1
done
exit $failed
