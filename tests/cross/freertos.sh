#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ports/freertos compiles without a warning, for this host and for Cortex-M4,
# against declarations of our own of the kernel (tests/cross/freertos_api) and
# lwIP's real headers; and each thing that FreeRTOSConfig.h may lack is refused
# with its name. That the port works is tried with a real kernel:
# docs/freertos.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
api=tests/cross/freertos_api
lwip=${CLEAT_LWIP_SOURCE:-build/lwip-src}/src/include
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Werror -Iinclude)
m4=(-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16)
done=0
compile() { # compile FILE COMPILER OPTIONS...
    local file=$1
    shift
    "$@" "${flags[@]}" -c "$file" -o "$work/x.o"
    done=$((done + 1))
}
for file in ports/freertos/{port,stacks}.c; do
    compile "$file" gcc -I$api
    ! command -v clang >/dev/null || compile "$file" clang -I$api
    ! command -v arm-none-eabi-gcc >/dev/null ||
        compile "$file" arm-none-eabi-gcc "${m4[@]}" -I$api
done
if [ -d "$lwip" ] && command -v arm-none-eabi-gcc >/dev/null; then
    for file in ports/freertos/lwip_*.c; do
        compile "$file" arm-none-eabi-gcc "${m4[@]}" -isystem $api -isystem "$lwip"
    done
else
    echo "lwip_net.c and lwip_link.c not compiled: no lwIP in $lwip, or no arm-none-eabi-gcc"
fi
# Ten lines to connect, and the main() of the guide.
for file in examples/{freertos,hello_task}.c; do
    compile "$file" gcc -I$api
done
sed -n '/^```C$/,/^```$/{/^```/d;p}' docs/freertos.md >"$work/main.c"
grep -q 'int main' "$work/main.c"
compile "$work/main.c" gcc -I$api
echo "$done objects"

refused=0
cp $api/*.h "$work"
for name in configSUPPORT_STATIC_ALLOCATION configUSE_PREEMPTION INCLUDE_vTaskDelete \
    INCLUDE_vTaskDelay INCLUDE_vTaskSuspend INCLUDE_xTaskGetSchedulerState \
    INCLUDE_xTaskGetCurrentTaskHandle; do
    sed "s/#define $name 1/#define $name 0/" $api/FreeRTOS.h >"$work/FreeRTOS.h"
    if gcc "${flags[@]}" -I"$work" -fsyntax-only ports/freertos/port.c 2>"$work/err" ||
        ! grep -q "error \"cleat needs $name 1" "$work/err"; then
        echo "FreeRTOSConfig.h without $name is not refused by name" >&2
        exit 1
    fi
    refused=$((refused + 1))
done
echo "$refused lacks refused by name"
