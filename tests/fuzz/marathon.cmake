# SPDX-License-Identifier: MIT
# The decoders' targets as a billion runs (`make fuzz-marathon`); here a few.
if(NOT CLEAT_LIBFUZZER)
  foreach(name mqtt_decode mqtt_topic)
    cleat_program(marathon_${name} SOURCES marathon.c fuzz_${name}.c
                  LINK cleat::mqtt)
    add_test(NAME fuzz/marathon_${name}
             COMMAND marathon_${name} 300000 1 tests/fuzz/corpus/${name}
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(fuzz/marathon_${name} PROPERTIES LABELS fuzz
                         TIMEOUT 120)
  endforeach()
endif()
