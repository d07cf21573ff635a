# SPDX-License-Identifier: MIT
# The smallest instruction set (Armv6-M), whose C library makes no unaligned
# access either: with the trap on, this is the strict check of alignment.
# tools: qemu-system-arm
include(${CMAKE_CURRENT_LIST_DIR}/../engines/cortex-m/common.cmake)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m0 -mthumb -Os -g -ffunction-sections -DCROSS_TRAP_UNALIGNED=1")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${cross_link}")
