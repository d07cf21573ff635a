#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs into a scratch prefix, moves it, and builds and runs a stranger's
# project against it: with find_package, with add_subdirectory, and with
# pkg-config and plain cc.
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
declared() { # declared HEADER...: the functions and tables, a line each
    sed 's://.*::' "$@" | tr '\n' ' ' | sed 's:/\*:\n/*:g; s:\*/:*/\n:g' | grep -v '^/\*' |
        grep -v '^ *# *define' | tr ';{}' '\n' |
        { grep -v 'static inline' || true; } |
        grep -oE 'cleat_[a-z0-9_]+\(|extern const .*[ *]cleat_[a-z0-9_]+(\[\])? *$' | sed 's/.*[ *]//; s/[([].*//' | sort -u
}
defined() { nm --defined-only "$@" 2>/dev/null | awk '$2 ~ /^[TDRB]$/ { print $3 }' | sort -u; }
headers=("$prefix"/include/cleat/*.h)
archives=()
while read -r archive; do archives+=("$archive"); done < <(find "$prefix" -name 'libcleat_*.a')
missing=$(comm -23 <(declared "${headers[@]}") <(defined "${archives[@]}"))
[ -z "$missing" ] || fail "headers are installed whose functions are in no archive: $missing"
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

# As a part of the stranger's own tree: MQTT alone wants no mbedTLS.
for options in "" -DCLEAT_HOST=OFF; do
    at=$work/part$options
    CLEAT_MBEDTLS_SOURCE=$work/none "$cmake" -S "$here/parent" -B "$at" -DCMAKE_C_COMPILER="$cc" \
        -DCMAKE_C_FLAGS="$flags" ${options:+"$options"} -DCLEAT_TLS=OFF "-DCLEAT_TREE=$here/../.." \
        ${sanitize:+"-DCLEAT_SANITIZE=$sanitize"} >"$work/configure.log" 2>&1 &&
        "$cmake" --build "$at" >"$work/build.log" 2>&1 || {
        cat "$work/configure.log" "$work/build.log" >&2
        fail "add_subdirectory(cleat) $options"
    }
    "$at/stranger"
done
[ ! -e "$work/part/cleat/cli" ] || fail "the commands are built without TLS"
echo "ok: add_subdirectory(cleat)"

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
    # shellcheck disable=SC2046,SC2086 # lists of options
    "$cc" -std=c11 $flags ${sanitize:+-fsanitize="$sanitize"} -o "$work/request" \
        "$here/../../examples/request.c" $(pkg-config --cflags --libs "$package")
    said=$(LD_LIBRARY_PATH=$(pkg-config --variable=libdir cleat) "$work/request" 2>&1 || true)
    [[ $said == usage:* ]] || fail "MQTT 5 by pkg-config $package: $said"
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
archives=()
while read -r archive; do archives+=("$archive"); done < <(find "$prefix" -name 'libcleat_*.a' ! -name libcleat_se.a)
wanted=$(comm -12 <(declared "${headers[@]}") <(defined "${archives[@]}"))
[ "$(wc -w <<<"$wanted")" -gt 100 ] || fail "too few functions found to look for: $wanted"
missing=$(comm -23 - <(sort -u <<<"$exported") <<<"$wanted")
[ -z "$missing" ] || fail "libcleat.so lacks what is declared and in the archives: $missing"
echo "ok: libcleat.so exports $(wc -w <<<"$exported") functions and tables"
