# SPDX-License-Identifier: MIT
# Helpers that give every target the same warnings, sanitizers and names.

set(CLEAT_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wvla)
if(CLEAT_WERROR)
  list(APPEND CLEAT_WARNINGS -Werror)
endif()

function(cleat_target_settings target)
  target_compile_options(${target} PRIVATE ${CLEAT_WARNINGS})
  if(CLEAT_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${CLEAT_SANITIZE}
                           -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${CLEAT_SANITIZE})
  endif()
endfunction()

# cleat_library(mqtt SOURCES a.c b.c LINK cleat::base PRIVATE_LINK x)
# makes the static library cleat_mqtt with the alias cleat::mqtt.
function(cleat_library name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(cleat_${name} STATIC ${A_SOURCES})
  add_library(cleat::${name} ALIAS cleat_${name})
  set_target_properties(cleat_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(cleat_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_include_directories(cleat_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(cleat_${name} PUBLIC ${A_LINK} PRIVATE ${A_PRIVATE_LINK})
  cleat_target_settings(cleat_${name})
endfunction()

# cleat_program(cleat SOURCES main.c LINK cleat::client)
function(cleat_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${A_LINK})
  cleat_target_settings(${name})
endfunction()

set(CLEAT_TEST_TIMEOUT 60) # seconds; emulated processors want more

# cleat_test(mqtt_session SOURCES test_session.c LINK cleat::mqtt [LABEL unit])
# makes a cmocka program test_mqtt_session and a ctest entry LABEL/mqtt_session.
function(cleat_test name)
  cmake_parse_arguments(A "" "LABEL;TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT A_LABEL)
    set(A_LABEL unit)
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT ${CLEAT_TEST_TIMEOUT})
  endif()
  cleat_program(test_${name} SOURCES ${A_SOURCES} LINK ${A_LINK} cmocka)
  add_test(NAME ${A_LABEL}/${name} COMMAND test_${name}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${A_LABEL}/${name} PROPERTIES LABELS ${A_LABEL}
                       TIMEOUT ${A_TIMEOUT})
endfunction()

# cleat_fuzz(mqtt_decode SOURCES fuzz_decode.c LINK cleat::mqtt [CORPUS dir])
# A file with LLVMFuzzerTestOneInput. In the fuzz preset it is a libFuzzer
# program; elsewhere tests/fuzz/driver.c runs it on its corpus and on a bounded
# number of mutations, as a test.
function(cleat_fuzz name)
  cmake_parse_arguments(A "" "CORPUS;RUNS" "SOURCES;LINK" ${ARGN})
  if(NOT A_RUNS)
    set(A_RUNS 20000)
  endif()
  if(CLEAT_LIBFUZZER)
    cleat_program(fuzz_${name} SOURCES ${A_SOURCES} LINK ${A_LINK})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    cleat_program(fuzz_${name} SOURCES ${A_SOURCES}
                  ${PROJECT_SOURCE_DIR}/tests/fuzz/driver.c LINK ${A_LINK})
    add_test(NAME fuzz/${name} COMMAND fuzz_${name} ${A_RUNS} ${A_CORPUS}
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
endfunction()
