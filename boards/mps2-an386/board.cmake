# SPDX-License-Identifier: MIT
# Arm MPS2 with the AN386 image (Cortex-M4F), as QEMU emulates it.
set(CLEAT_BOARD_CPU -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16)
set(CLEAT_BOARD_MACHINE mps2-an386)
include(${CMAKE_CURRENT_LIST_DIR}/../mps2/mps2.cmake)
