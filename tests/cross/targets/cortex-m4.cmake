# SPDX-License-Identifier: MIT
# Cortex-M4F images under QEMU, arm-none-eabi-gcc.
# tools: qemu-system-arm
include(${CMAKE_CURRENT_LIST_DIR}/../engines/cortex-m/common.cmake)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -mno-unaligned-access -Os -g -ffunction-sections")
set(CMAKE_EXE_LINKER_FLAGS_INIT "${cross_link}")
