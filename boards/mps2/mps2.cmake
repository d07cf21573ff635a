# SPDX-License-Identifier: MIT
# What both MPS2 boards share: same map, same devices.
set(CLEAT_BOARD_CONFIG ${CMAKE_CURRENT_LIST_DIR}/cleat_config.h)
set(CLEAT_BOARD_LINKER_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/mps2.ld)
set(CLEAT_BOARD_INCLUDE ${CMAKE_CURRENT_LIST_DIR})
set(CLEAT_BOARD_SOURCES "")
foreach(part board bridge ethernet irq semihosting time uart)
  list(APPEND CLEAT_BOARD_SOURCES ${CMAKE_CURRENT_LIST_DIR}/${part}.c)
endforeach()
set(CLEAT_BOARD_STARTUP ${CMAKE_CURRENT_LIST_DIR}/startup.c ${CMAKE_CURRENT_LIST_DIR}/fault.c)
