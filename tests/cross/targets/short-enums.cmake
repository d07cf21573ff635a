# SPDX-License-Identifier: MIT
# This host with enums as small as they go, as the Arm ABI has them.
set(CMAKE_C_COMPILER gcc)
set(CROSS_OPTIONS -fshort-enums)
set(CROSS_POSIX ON)
set(CROSS_THOROUGH ON)
