# SPDX-License-Identifier: MIT
# This host with clang: casts that raise alignment are errors, and an access
# that is not aligned ends the test. -Wcast-align is about the tests too.
set(CMAKE_C_COMPILER clang)
set(CROSS_OPTIONS -Wcast-align -fsanitize=alignment,undefined
    -fno-sanitize-recover=all)
set(CMAKE_EXE_LINKER_FLAGS_INIT -fsanitize=alignment,undefined)
set(CROSS_POSIX ON)
set(CROSS_THOROUGH ON)
