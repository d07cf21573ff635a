#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/sentences.md holds every sentence of app/say.h, each with a number of its
# own; `make docs` renews it.
set -euo pipefail
tools/sentences | diff <(grep '^|' docs/sentences.md) <(grep '^|' /dev/stdin) || {
    echo "docs/sentences.md differs from the code: run make docs" >&2
    exit 1
}
in_code=$(grep -oE 'SAY\([0-9]+' app/say.h | wc -l)
numbers=$(grep -E '^\| [0-9]+ ' docs/sentences.md | awk '{ print $2 }' | sort -u | wc -l)
[ "$in_code" -eq "$numbers" ] || {
    echo "app/say.h has $in_code sentences, docs/sentences.md $numbers numbers" >&2
    exit 1
}
