# SPDX-License-Identifier: MIT
# TOOLCHAIN=ARM: clang and its linker for the same target, the stand-in for Arm
# Compiler 6, which is clang too. C library and arithmetic come from newlib-nano
# and libgcc, asked of the GNU compiler: Debian's clang has none for Arm.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET thumbv7em-none-eabi)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)
# As newlib was built: enums take the room they need.
set(CMAKE_C_FLAGS_INIT "-fshort-enums")
set(CLEAT_TOOLCHAIN ARM)
set(CLEAT_TOOLCHAIN_LINK -fuse-ld=lld -nostdlib)
