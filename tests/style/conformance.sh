#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/conformance.md has every numbered statement of the standard once and in
# order, with a mark; every test and case that it names exists.
set -euo pipefail
build=$(dirname "$1")
[ -f "$build/CTestTestfile.cmake" ] || build=$(dirname "$build")
doc=docs/conformance.md
status=0
report() {
    echo "$1" >&2
    status=1
}

# "SECTION COUNT": the statements SECTION-1 to SECTION-COUNT.
v311="1.5.3 3 2.2.2 2 2.3.1 7 3.1.0 2 3.1.2 24 3.1.3 11 3.1.4 5 3.2.0 1 3.2.2 6
3.3.1 12 3.3.2 3 3.3.4 1 3.3.5 2 3.6.1 1 3.8.1 1 3.8.3 4 3.8.4 6 3.9.3 2 3.10.1 1
3.10.3 2 3.10.4 6 3.12.4 1 3.14.1 1 3.14.4 3 4.1.0 2 4.3.1 1 4.3.2 2 4.3.3 2 4.4.0 1
4.5.0 2 4.6.0 6 4.7.1 3 4.7.2 1 4.7.3 4 4.8.0 2 6.0.0 4 7.0.0 2 7.1.1 1 7.1.2 1"
expected() {
    while [ $# -gt 1 ]; do
        for i in $(seq "$2"); do
            echo "MQTT-$1-$i"
        done
        shift 2
    done | sed 's/^MQTT-3\.8\.3-4$/MQTT-3-8.3-4/' # as the standard writes it
}
# part TITLE: the table rows below that heading.
part() {
    awk -v title="## $1" '/^## / { on = $0 == title } on && /^\| MQTT-/' $doc
}
# shellcheck disable=SC2086
compare() {
    local want got
    want=$(expected $2)
    got=$(part "$1" | sed 's/^| \(MQTT-[0-9.-]*\) |.*/\1/')
    [ "$want" = "$got" ] || {
        report "$1: statements differ (< standard, > $doc):"
        diff <(echo "$want") <(echo "$got") >&2 || true
    }
}
compare "MQTT 3.1.1" "$v311"

rows=$(grep '^| MQTT-' $doc)
bad=$(echo "$rows" | grep -vE '\| (shown|server|partly|not here) \|$' || true)
[ -z "$bad" ] || report "rows without a mark: $bad"
bad=$(echo "$rows" | grep -E '\| (shown|partly) \|$' | grep -v '`' || true)
[ -z "$bad" ] || report "rows that name no test: $bad"

tests=$(ctest --test-dir "$build" -N | sed -n 's/^ *Test *#[0-9]*: //p')
[ "$(echo "$tests" | wc -l)" -gt 30 ] || report "no list of tests in $build"
named=$(grep -oE '`(unit|wire|sim|e2e|fuzz|style|consumer|proof)/[a-z0-9_]+`' $doc | tr -d '`' | sort -u)
for name in $named; do
    grep -qx "$name" <<<"$tests" || report "$name is no test"
done
cases=$(grep -oE '`[a-z0-9]+(_[a-z0-9]+){2,}`' $doc | tr -d '`' | sort -u | grep -v '^cleat_')
for name in $cases; do
    grep -rqE "void $name\(|^$name\(void \*\*" tests --include='*.c' ||
        report "$name is no case of a test"
    grep -rqE "(cmocka_unit_test|CASE)\($name\)" tests --include='*.c' ||
        report "$name is not run"
done
marks=""
for mark in shown server partly "not here"; do
    marks="$marks, $(echo "$rows" | grep -c "| $mark |\$" || true) $mark"
done
echo "$(echo "$rows" | wc -l) statements$marks;" \
    "$(echo "$named" | wc -l) tests and $(echo "$cases" | wc -l) cases named"
exit $status
