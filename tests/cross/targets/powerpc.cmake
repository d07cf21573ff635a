# SPDX-License-Identifier: MIT
# 32 bits, big-endian, under qemu-user.
# tools: qemu-ppc-static
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ppc)
set(CMAKE_C_COMPILER powerpc-linux-gnu-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-ppc-static)
set(CROSS_POSIX ON)
set(CROSS_THOROUGH ON)
