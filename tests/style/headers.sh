#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99 and as C++.
set -euo pipefail
count=0
for header in include/cleat/*.h; do
    name=cleat/$(basename "$header")
    printf '#include "%s"\ntypedef int nothing;\n' "$name" | gcc -std=c99 -pedantic-errors -Wall -Wextra \
        -Wconversion -Werror -Iinclude -fsyntax-only -x c -
    printf '#include "%s"\n' "$name" | g++ -std=c++11 -pedantic-errors -Wall -Wextra \
        -Werror -Iinclude -fsyntax-only -x c++ -
    count=$((count + 1))
done
[ "$count" -gt 10 ]
echo "$count headers compile alone as C99 and C++11"
