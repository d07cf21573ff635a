#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/checklist.md has every row once, in order and with a mark; every test
# and every case that it names exists, and no test against programs is left out.
set -euo pipefail
build=$(dirname "$1")
[ -f "$build/CTestTestfile.cmake" ] || build=$(dirname "$build")
doc=docs/checklist.md
status=0
report() {
    echo "$1" >&2
    status=1
}
rows=$(sed -n 's/^| \([0-9][0-9]*\) |.*/\1/p' $doc | tr '\n' ' ')
[ "$rows" = "$(seq 1 138 | tr '\n' ' ')" ] || report "rows are not 1 to 138: $rows"
bad=$(grep -E '^\| [0-9]+ \|' $doc | grep -vE '\| (shown|partly|not here) \|$' || true)
[ -z "$bad" ] || report "rows without a mark: $bad"

tests=$(ctest --test-dir "$build" -N | sed -n 's/^ *Test *#[0-9]*: //p')
[ "$(echo "$tests" | wc -l)" -gt 30 ] || report "no list of tests in $build"
named=$(grep -oE '`(unit|wire|sim|e2e|fuzz|style|consumer)/[a-z0-9_]+`' $doc | tr -d '`' | sort -u)
for name in $named; do
    grep -qx -- "$name" <<<"$tests" || report "$name is no test"
done
for name in $(grep '^e2e/' <<<"$tests"); do
    grep -q -- "\`$name\`" $doc || report "$name is in no row"
done
cases=$(grep -oE '`[a-z0-9]+(_[a-z0-9]+){2,}`' $doc | tr -d '`' | sort -u | grep -v '^cleat_')
for name in $cases; do
    grep -rqE "(void|CASE\(|TEST\() ?$name\b" tests --include='*.c' ||
        report "$name is no case of a test"
done
echo "138 rows, $(echo "$named" | wc -l) tests and $(echo "$cases" | wc -l) cases named;" \
    "$(grep -cE '^\| [0-9]+ \|.*\| shown \|$' $doc) shown," \
    "$(grep -cE '^\| [0-9]+ \|.*\| partly \|$' $doc) partly," \
    "$(grep -cE '^\| [0-9]+ \|.*\| not here \|$' $doc) not here"
exit $status
