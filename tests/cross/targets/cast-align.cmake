# SPDX-License-Identifier: MIT
# This host with gcc, which sees other casts than clang does: every cast that
# would need alignment on some machine is an error. Also -O2 and plain char
# unsigned, as on Arm.
set(CMAKE_C_COMPILER gcc)
set(CROSS_OPTIONS -O2 -Wcast-align=strict -funsigned-char)
set(CROSS_POSIX ON)
set(CROSS_THOROUGH ON)
