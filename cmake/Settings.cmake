# SPDX-License-Identifier: MIT
# Settings built into an image: -DCLEAT_SETTINGS="NAME=VALUE;NAME=VALUE". They
# are compiled in as defaults, and checked here by the program that would check
# them on the device: firmware/check_settings.c, run on the host.
set(CLEAT_SETTINGS "" CACHE STRING "Settings to build in: NAME=VALUE;NAME=VALUE")
file(READ ${PROJECT_SOURCE_DIR}/app/settings_list.h cleat_settings_list)
set(cleat_settings_defines "")
foreach(pair IN LISTS CLEAT_SETTINGS)
  if(NOT pair MATCHES "^([A-Z0-9_]+)=(.*)$")
    message(FATAL_ERROR "CLEAT_SETTINGS: '${pair}' is not NAME=VALUE")
  endif()
  set(name ${CMAKE_MATCH_1})
  set(value "${CMAKE_MATCH_2}")
  if(cleat_settings_list MATCHES "(NUMBER|SWITCH)\\(${name},")
    list(APPEND cleat_settings_defines "CLEAT_DEFAULT_${name}=${value}")
  elseif(cleat_settings_list MATCHES "(TEXT|SECRET|CHOICE)\\(${name},")
    string(REPLACE "\\" "\\\\" value "${value}")
    string(REPLACE "\"" "\\\"" value "${value}")
    list(APPEND cleat_settings_defines "CLEAT_DEFAULT_${name}=\"${value}\"")
  else()
    message(FATAL_ERROR "CLEAT_SETTINGS: unknown setting ${name}; docs/settings.md has them")
  endif()
endforeach()
if(cleat_settings_defines)
  add_compile_definitions(${cleat_settings_defines})
  find_program(CLEAT_HOST_CC NAMES cc gcc clang)
  if(NOT CLEAT_HOST_CC)
    message(FATAL_ERROR "CLEAT_SETTINGS: a compiler for this machine (cc) is needed to check them")
  endif()
  list(TRANSFORM cleat_settings_defines PREPEND "-D")
  execute_process(
    COMMAND ${CLEAT_HOST_CC} -std=c11 -Iinclude -Isrc -I. -DCLEAT_DEVICE_STORE=0
            ${cleat_settings_defines} firmware/check_settings.c app/settings.c
            app/settings_table.c src/mqtt/topic.c src/base/bytes.c
            -o ${PROJECT_BINARY_DIR}/check_settings
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${PROJECT_BINARY_DIR}/check_settings
                  OUTPUT_VARIABLE why RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "CLEAT_SETTINGS: ${why}")
  endif()
endif()
