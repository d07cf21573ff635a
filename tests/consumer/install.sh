#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs into a scratch prefix, moves it, and builds and runs a stranger's
# project against it: with find_package, and with pkg-config and plain cc.
set -euo pipefail
build=$1 cmake=$2 cc=$3 sanitize=$4 flags=$5
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/cleat-consumer.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
    echo "not ok: $*" >&2
    exit 1
}

"$cmake" --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix" # nothing may remember where it was
prefix=$work/prefix
for file in bin/cleat bin/cleat-chipsim include/cleat/mqtt.h \
    share/bash-completion/completions/cleat share/zsh/site-functions/_cleat \
    share/fish/vendor_completions.d/cleat.fish; do
    [ -e "$prefix/$file" ] || fail "$file is not installed"
done
if command -v scdoc >/dev/null; then
    for page in "$here"/../../docs/man/*.scd; do
        name=$(basename "$page" .scd)
        [ -s "$prefix/share/man/man1/$name" ] || fail "$name is not installed"
    done
fi
"$prefix/bin/cleat" --version
[ ! -e "$prefix/include/cleat/tls.h" ] || fail "a header without its library is installed"
if grep -rlF "$build" "$prefix/lib"* --include='*.cmake' --include='*.pc'; then
    fail "the installed files name the build folder (above)"
fi
echo "ok: installed and moved"

"$cmake" -S "$here/stranger" -B "$work/stranger" -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="$flags" \
    -DCMAKE_PREFIX_PATH="$prefix" >"$work/configure.log" 2>&1 || {
    cat "$work/configure.log" >&2
    fail "find_package(cleat)"
}
"$cmake" --build "$work/stranger" >"$work/build.log" 2>&1 || {
    cat "$work/build.log" >&2
    fail "the stranger's project does not build"
}
"$work/stranger/stranger"
"$work/stranger/element"
"$work/stranger/dynamic"
echo "ok: find_package(cleat)"

if ! command -v pkg-config >/dev/null; then
    echo "SKIPPED: no pkg-config here"
    exit 0
fi
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name cleat.pc)")
export PKG_CONFIG_PATH
for package in cleat cleat-static; do
    # shellcheck disable=SC2046,SC2086 # lists of options
    "$cc" -std=c99 $flags ${sanitize:+-fsanitize="$sanitize"} -o "$work/plain" \
        "$here/stranger/stranger.c" $(pkg-config --cflags --libs "$package")
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir cleat) "$work/plain"
    echo "ok: pkg-config $package"
done

# The shared object: its version in its name, nothing exported but what the
# public headers declare.
library=$(find "$prefix" -name 'libcleat.so')
[ -n "$library" ] || { echo "SKIPPED: built without libcleat.so" && exit 0; }
readelf -d "$library" | grep -q 'SONAME.*libcleat\.so\.[0-9]' || fail "libcleat.so has no SONAME"
exported=$(nm -D --defined-only "$library" | awk '$2 ~ /[TDR]/ { sub(/@.*/, "", $3); print $3 }')
for symbol in $exported; do
    grep -rqw "$symbol" "$prefix/include/cleat" || fail "libcleat.so exports $symbol, which no header declares"
done
for symbol in cleat_mqtt_init cleat_client_step cleat_linux_net_init; do
    grep -qx "$symbol" <<<"$exported" || fail "libcleat.so lacks $symbol"
done
echo "ok: libcleat.so exports $(wc -w <<<"$exported") functions and tables"
