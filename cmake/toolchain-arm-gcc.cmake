# SPDX-License-Identifier: MIT
# TOOLCHAIN=GCC_ARM: GNU Arm Embedded GCC with newlib-nano. Which processor is
# the board's to say: boards/NAME/board.cmake.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_AR arm-none-eabi-gcc-ar)
set(CMAKE_RANLIB arm-none-eabi-gcc-ranlib)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)
set(CLEAT_TOOLCHAIN GCC_ARM)
set(CLEAT_TOOLCHAIN_LINK --specs=nano.specs -nostartfiles
    -Wl,--print-memory-usage)
# What -Os leaves on for speed, or has on and does not pay here: a kilobyte, and
# outside of mbedTLS, where it would not shrink, another one. There functions are
# made part of others only where that is sure not to cost anything.
set(CLEAT_TOOLCHAIN_SMALL -fno-caller-saves -fno-inline-small-functions
    -fno-schedule-insns2 -fira-loop-pressure -fno-move-loop-invariants
    -fno-if-conversion)
set(CLEAT_TOOLCHAIN_SMALLER -finline-small-functions
    --param=max-inline-insns-size=0 -fira-region=all -fno-thread-jumps
    -fno-tree-tail-merge -fno-tree-forwprop -fno-tree-loop-optimize
    -fno-tree-dominator-opts -fno-reorder-blocks -fno-ipa-sra -fno-ipa-icf
    -fno-ipa-modref -fno-auto-inc-dec)
# Canaries in functions with an array of bytes, even of one; not in those that
# have another array, nor where the address of a variable is taken. (An array of
# char is another one where GCC optimises across files: char is unsigned here,
# and it looks for signed ones.)
set(CLEAT_TOOLCHAIN_BYTE_CANARIES -fstack-protector --param=ssp-buffer-size=1)
set(CLEAT_TOOLCHAIN_CALLGRAPH -fcallgraph-info=su)

# The compiler knows by itself where its headers and libraries are.
function(cleat_toolchain_for)
endfunction()
