# SPDX-License-Identifier: MIT
# What the Cortex-M targets share: newlib without an operating system, our own
# start, and QEMU's mps2-an386 (Cortex-M4F).
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(cross_m ${CMAKE_CURRENT_LIST_DIR})
set(CROSS_START ${cross_m}/start.c)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-arm -M mps2-an386 -display none
    -monitor none -nic none -serial null -semihosting-config
    enable=on,target=native -no-reboot -kernel)
set(cross_link "-nostartfiles -Wl,--gc-sections -T ${cross_m}/image.ld")
