#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Code in the documents compiles: every ```c block after a line
# "<!-- compile -->" does so alone, as C99 with all warnings.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v dir="$work" '
    /^<!-- compile -->$/ { wanted = 1; next }
    /^```c$/ && wanted { file = sprintf("%s/%s-%d.c", dir, name(FILENAME), FNR); inside = 1; next }
    /^```$/ && inside { inside = 0; wanted = 0; close(file); next }
    inside { print >file }
    function name(path) { sub(/.*\//, "", path); return path }
' README.md docs/*.md
count=0
for file in "$work"/*.c; do
    gcc -std=c99 -pedantic-errors -Wall -Wextra -Wconversion -Werror -Iinclude \
        -Itests/cross/freertos_api -fsyntax-only "$file"
    count=$((count + 1))
done
[ "$count" -gt 0 ]
echo "$count pieces of code from the documents compile"
