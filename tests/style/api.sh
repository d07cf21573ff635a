#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The public headers as Doxygen reads them: no warning, and nothing but a
# struct's private fields without words.
set -euo pipefail
command -v doxygen >/dev/null || {
    echo "no doxygen here (Debian: doxygen)" >&2
    exit 77
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
{
    cat docs/Doxyfile
    echo "OUTPUT_DIRECTORY = $out"
    echo "WARN_IF_UNDOCUMENTED = YES"
    echo "WARN_AS_ERROR = NO"
} >"$out/Doxyfile"
doxygen "$out/Doxyfile" 2>"$out/warnings"
if grep -vE '\(variable\) of struct|\(macro definition\) of file .* is not documented' "$out/warnings"; then
    echo "Doxygen complains (above)" >&2
    exit 1
fi
functions=$(grep -ho 'class="memname">[^<]*cleat_[a-z0-9_]*' -r "$out/html" | sort -u | wc -l)
[ "$functions" -gt 100 ] || {
    echo "only $functions functions in the reference" >&2
    exit 1
}
echo "$functions functions and types, each with its words"
