# SPDX-License-Identifier: MIT
# Cortex-M4F images compiled by clang, the stand-in for Arm Compiler 6, linked
# by arm-none-eabi-gcc, whose libraries they use.
# tools: qemu-system-arm arm-none-eabi-gcc
include(${CMAKE_CURRENT_LIST_DIR}/../engines/cortex-m/common.cmake)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET thumbv7em-none-eabi)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -mno-unaligned-access -fshort-enums -isystem /usr/include/newlib -Os -g -ffunction-sections")
set(CMAKE_C_LINK_EXECUTABLE "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard ${cross_link} <OBJECTS> -o <TARGET> <LINK_LIBRARIES>")
