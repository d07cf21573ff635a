# SPDX-License-Identifier: MIT
# Arm MPS2 with the AN385 image (Cortex-M3, no FPU), as QEMU emulates it.
set(CLEAT_BOARD_CPU -mcpu=cortex-m3 -mthumb -mfloat-abi=soft)
set(CLEAT_BOARD_MACHINE mps2-an385)
include(${CMAKE_CURRENT_LIST_DIR}/../mps2/mps2.cmake)
