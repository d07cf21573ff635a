#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/proofs.md says of every function that encodes or decodes which harness
# proves it, and of every harness what it is for; tools/prove sees to it that
# the harness gets there.
set -euo pipefail
doc=docs/proofs.md
status=0
report() {
    echo "$1" >&2
    status=1
}
# What begins at the left margin is a declaration or a definition.
functions=$(grep -rhE '^[a-z]' src/mqtt src/base/bytes.c --include='*.[ch]' |
    grep -oE '\b[a-z0-9_]+\(' | tr -d '(' | sort -u |
    grep -E '_(encode|decode|read|write|valid|match)$|^cleat_(read|write)_|^cleat_mqtt_(propert|publish_(plain|head|length)$)')
[ "$(echo "$functions" | wc -l)" -gt 40 ] || report "no list of functions"
rows=$(sed -n 's/^| `\([a-z0-9_]*\)` | `.*` |$/\1/p' "$doc")
bad=$(sort <<<"$rows" | uniq -d)
[ -z "$bad" ] || report "twice in $doc: $bad"
for function in $functions; do
    grep -qx "$function" <<<"$rows" || report "$function: proven by no harness of $doc"
done
for function in $rows; do
    grep -rqE "\b$function\(" src || report "$function of $doc is no function"
done
harnesses=$(basename -s .c tests/proof/*.c)
for name in $(sed -n 's/^| `[a-z0-9_]*` | \(`.*`\) |$/\1/p' "$doc" | tr -d '`,' | tr ' ' '\n' | sort -u); do
    grep -qx "$name" <<<"$harnesses" || report "$name: no harness of tests/proof"
done
for name in $harnesses; do
    [ "$(grep -cE "^\| \`$name\` \| [^\`0-9]" "$doc")" = 1 ] ||
        report "$name: $doc does not say what it proves"
    [ "$(grep -cE "^\| \`$name\` \| 0 \| [0-9]+ \|" "$doc")" = 1 ] ||
        report "$name: no result in $doc"
done
echo "$(echo "$functions" | wc -l) functions, $(echo "$rows" | wc -l) rows," \
    "$(echo "$harnesses" | wc -l) harnesses"
exit $status
