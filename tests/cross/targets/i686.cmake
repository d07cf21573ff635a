# SPDX-License-Identifier: MIT
# 32 bits, little-endian: programs that an x86-64 kernel runs by itself.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i686)
set(CMAKE_C_COMPILER i686-linux-gnu-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CROSS_POSIX ON)
set(CROSS_THOROUGH ON)
