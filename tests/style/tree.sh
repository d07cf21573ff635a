#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tree's own rules: SPDX lines, no private keys, no allocation in src/, no
# endless recursion of links in the documents.
set -euo pipefail
status=0
report() {
    echo "$1" >&2
    status=1
}
files=$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print)
for f in $files; do
    case $f in
    *.c | *.h | *.sh | *.cmake | */CMakeLists.txt | ./tools/* | ./Makefile | ./.ci/run)
        [ "$f" = ./tools/packages.txt ] || head -n 3 "$f" | grep -q 'SPDX-License-Identifier: MIT' ||
            report "$f: no SPDX line"
        ;;
    esac
done
# shellcheck disable=SC2086
if grep -lE -- '-----BEGIN (EC |RSA |ENCRYPTED )?PRIVATE KEY-----[[:space:]]*$' $files; then
    report "private key in the tree (above)"
fi
# soft.c and the pkcs11 driver are for hosts only and stand on libraries that
# allocate (OpenSSL, p11-kit); both allocate their context once, in init, and
# the latter frees the names that p11-kit hands it.
if grep -nE '\b(malloc|calloc|realloc|strdup|free)\(' -r src app --include='*.[ch]' |
    grep -vE '^src/se/drivers/(soft\.c|pkcs11\.c|pkcs11/)'; then
    report "allocation where none may be (above)"
fi
for doc in README.md CONTRIBUTING.md CHANGELOG.md docs/*.md; do
    dir=$(dirname "$doc")
    for link in $(grep -oE '\]\([^) ]+' "$doc" | sed 's/^](//; s/#.*//' | grep -v ':' | grep .); do
        [ -e "$dir/$link" ] || report "$doc: link to $link leads nowhere"
    done
done
exit $status
