# SPDX-License-Identifier: MIT
# What a build for a board sets for every target: -DCLEAT_BOARD=NAME picks
# boards/NAME/board.cmake, which says the processor, the linker script, the
# sources and where the emulator is.

file(GLOB cleat_board_files CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/boards/*/board.cmake)
set(cleat_boards "")
foreach(file ${cleat_board_files})
  get_filename_component(dir ${file} DIRECTORY)
  get_filename_component(name ${dir} NAME)
  list(APPEND cleat_boards ${name})
endforeach()
set(CLEAT_BOARD_DIR "" CACHE PATH "Folder of a board outside of boards/")
if(CLEAT_BOARD_DIR)
  set(cleat_board_dir ${CLEAT_BOARD_DIR})
else()
  set(cleat_board_dir ${PROJECT_SOURCE_DIR}/boards/${CLEAT_BOARD})
endif()
if(NOT EXISTS ${cleat_board_dir}/board.cmake)
  list(JOIN cleat_boards ", " cleat_boards)
  message(FATAL_ERROR "TARGET: unknown board '${CLEAT_BOARD}'; known are: "
          "${cleat_boards}.\nA new one: docs/firmware.md.")
endif()

set(CLEAT_PROFILE "small" CACHE STRING
    "TLS of the firmware: small (4 kB/2 kB records, ECDSA), tiny (that, and no texts) or large (6 kB, RSA chains too)")
set(CLEAT_MBEDTLS_CONFIG
    ${PROJECT_SOURCE_DIR}/firmware/mbedtls_config_small.h)
if(CLEAT_PROFILE MATCHES "^(small|tiny)$")
  set(CLEAT_TLS_IN_LEN 4096 CACHE STRING "")
  set(CLEAT_TLS_OUT_LEN 2048 CACHE STRING "")
elseif(CLEAT_PROFILE STREQUAL "large")
  set(CLEAT_MBEDTLS_CONFIG
      ${PROJECT_SOURCE_DIR}/firmware/mbedtls_config_large.h)
  set(CLEAT_TLS_IN_LEN 6144 CACHE STRING "")
  set(CLEAT_TLS_OUT_LEN 2048 CACHE STRING "")
else()
  message(FATAL_ERROR "CLEAT_PROFILE: '${CLEAT_PROFILE}' is none of small, tiny and large")
endif()
if(CLEAT_PROFILE STREQUAL "tiny")
  add_compile_definitions(CLEAT_TEXTS=0 CLEAT_LOG_FLOOR=-1 CLEAT_TLS_READY=0
                          CLEAT_TLS_PEM=0 CLEAT_SETTINGS_FIXED=1
                          CLEAT_BARE_COUNTS=0 CLEAT_SE_EXTRAS=0
                          CLEAT_TASK_NAMES=0 CLEAT_SE_P384=0 CLEAT_SE_CHECKS=0
                          CLEAT_SE_KHZ_MAX=400 CLEAT_SE_DRIVER=cleat_se_driver_optiga
                          CLEAT_MQTT_EXTRAS=0 CLEAT_MQTT_CHECKS=0)
  # Its settings are constants, of which messages' QoS is 1 unless said here.
  if(NOT CLEAT_SETTINGS MATCHES "(^|;)MQTT_MESSAGES_QOS=2(;|$)")
    add_compile_definitions(CLEAT_MQTT_QOS2=0)
  endif()
endif()
include(Settings)

include(${cleat_board_dir}/board.cmake)
cleat_toolchain_for(${CLEAT_BOARD_CPU})
include_directories(SYSTEM ${CLEAT_TOOLCHAIN_INCLUDES})
add_compile_options(${CLEAT_BOARD_CPU} ${CLEAT_TOOLCHAIN_SMALL}
                    -ffunction-sections -fdata-sections -fno-common
                    "$<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:NAME>,cleat_mbedtls>>:${CLEAT_TOOLCHAIN_SMALLER}>")
# Optimising across files saves a tenth of the flash. Without it the linker's
# map still knows which layer a byte is of; with OWN it still knows what is ours.
set(CLEAT_LTO ON CACHE STRING "Optimise the image across files: ON, OWN, OFF")
if(CLEAT_LTO)
  add_compile_options(-flto)
else()
  add_compile_options(${CLEAT_TOOLCHAIN_CALLGRAPH})
endif()

# Canaries wherever an address on the stack is taken, libraries included;
# firmware/CMakeLists.txt has less in some of our code.
add_compile_options(-fstack-protector-strong)
add_compile_definitions(
  CLEAT_CONFIG_FILE="${CLEAT_BOARD_CONFIG}")

# cleat_image(NAME): a program beside the device's, as an image for the board;
# built when asked for by name, into the build's own folder.
function(cleat_image name)
  target_link_options(${name} PRIVATE ${CLEAT_TOOLCHAIN_LINK} ${CLEAT_BOARD_CPU}
    -T ${CLEAT_BOARD_LINKER_SCRIPT} -Wl,--gc-sections)
  target_link_libraries(${name} PRIVATE ${CLEAT_TOOLCHAIN_LIBRARIES})
  set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON
    LINK_DEPENDS ${CLEAT_BOARD_LINKER_SCRIPT}
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()
