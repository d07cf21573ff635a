#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/sentences.md holds every sentence of app/say.h, each with a number of its
# own; `make docs` renews it.
set -euo pipefail
tools/sentences | diff <(grep '^|' docs/sentences.md) <(grep '^|' /dev/stdin) || {
    echo "docs/sentences.md differs from the code: run make docs" >&2
    exit 1
}
in_code=$(grep -oE '(SAY|WHY)\([0-9]+' app/say.h | wc -l)
numbers=$(grep -E '^\| [0-9]+ ' docs/sentences.md | awk '{ print $2 }' | sort -u | wc -l)
[ "$in_code" -eq "$numbers" ] || {
    echo "app/say.h has $in_code sentences, docs/sentences.md $numbers numbers" >&2
    exit 1
}
# The kinds of its values are those that the sentence has.
sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba}' app/say.h | grep -E '^#define SAY_[A-Z_]+ +SAY\(' |
    while IFS= read -r line; do
        want=$(grep -oE '%(s|lu)' <<<"$line" | sed 's/%s/T/; s/%lu/N/' | tr -d '\n') || true
        kinds=$(grep -oE '[A-Z]+\)$' <<<"$line" | tr -d ')' | sed '/NONE/!y/E/T/')
        [ "${want:-NONE}" = "$kinds" ] || {
            echo "app/say.h: other values than $kinds in: $line" >&2
            exit 1
        }
    done
