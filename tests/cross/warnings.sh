#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each public header alone and each source without a warning (-Wconversion among
# them), by every compiler of the images and of `make cross` that is installed.
# Syntax only; what includes a library that is not there for a processor (OpenSSL
# for a foreign one) is left out and counted.
# usage: tests/cross/warnings.sh [NAME...]    status 77: none is installed
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mbedtls=${CLEAT_MBEDTLS_SOURCE:-build/mbedtls-src}/include
lwip=${CLEAT_LWIP_SOURCE:-build/lwip-src}/src/include
libraries='(openssl|p11-kit|mbedtls|psa|lwip|netif)/'
flags=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wvla -Werror -fsyntax-only -Iinclude -Isrc -I. -isystem "$mbedtls")
m4=(-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16)
board=('-DCLEAT_CONFIG_FILE="boards/mps2/cleat_config.h"' '-DBOARD_NAME="a board"' -Iports/bare
    -isystem "$lwip" -Iboards/mps2 -DCLEAT_TLS_ARENA=16384 -DFIRMWARE_TESTS=1
    '-DMBEDTLS_CONFIG_FILE="firmware/mbedtls_config_small.h"')

# Sources of the folders, but parts of another and what is of the host alone.
sources() {
    find "$@" -name '*.c' ! -path 'src/mqtt/session/*' ! -name check_settings.c
}

# look NAME COMPILER OPTIONS...: one at a time; a line for each that has words.
look() {
    local name=$1 file seen=0 out=0 bad=0
    shift
    for file in "${headers[@]}" "${files[@]}"; do
        local as=(-std=c11 "$file")
        if [[ $file = *.h ]]; then
            printf '#include "%s"\ntypedef int nothing;\n' "${file#include/}" >"$work/$name.c"
            as=(-std=c99 -pedantic-errors "$work/$name.c")
        fi
        if "$@" "${flags[@]}" "${as[@]}" >"$work/$name.log" 2>&1; then
            seen=$((seen + 1))
        elif grep -qE "fatal error: .?$libraries.*(No such file|not found)" "$work/$name.log"; then
            out=$((out + 1))
        else
            bad=$((bad + 1))
            head -n 5 "$work/$name.log"
        fi
    done
    echo "warnings: $name: $seen without a word, $bad with, $out left out"
    [ $bad -eq 0 ] && [ $seen -ge 100 ]
}

# on_host COMPILER, on_board NAME COMPILER...: which files, and how.
on_host() {
    headers=(include/cleat/*.h)
    mapfile -t files < <(sources app src ports/linux ports/linux_client && echo boards/host.c)
    # shellcheck disable=SC2046 # options
    look "$1" "$1" '-DMBEDTLS_CONFIG_FILE="tls/mbedtls_config.h"' $(pkg-config --cflags p11-kit-1 2>/dev/null || true)
}

on_board() {
    local name=$1
    shift
    mapfile -t headers < <(printf '%s\n' include/cleat/*.h | grep -v linux)
    mapfile -t files < <(sources app src ports/bare boards/mps2 firmware | grep -v src/se/drivers/pkcs11)
    look "$name" "$@" "${m4[@]}" "${board[@]}"
}

one() {
    case $1 in
    arm-gcc) on_board "$1" arm-none-eabi-gcc ;;
    arm-clang)
        on_board "$1" clang --target=thumbv7em-none-eabi -fshort-enums \
            -isystem "${NEWLIB:-/usr/include/newlib}"
        ;;
    *) on_host "$1" ;;
    esac
}

# installed NAME: the program that it stands for is.
installed() {
    case $1 in
    arm-gcc) command -v arm-none-eabi-gcc ;;
    arm-clang) command -v clang && [ -d "${NEWLIB:-/usr/include/newlib}" ] ;;
    *) command -v "$1" ;;
    esac >/dev/null
}

if [ $# -eq 1 ]; then
    one "$1"
    exit
fi
[ $# -gt 0 ] || set -- clang arm-gcc arm-clang i686-linux-gnu-gcc powerpc-linux-gnu-gcc s390x-linux-gnu-gcc
for name; do
    if installed "$name"; then echo "$name"; else echo "warnings: no $name" >&2; fi
done >"$work/names"
[ -s "$work/names" ] || exit 77
xargs -P 2 -n 1 bash "$0" <"$work/names"
