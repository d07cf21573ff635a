# SPDX-License-Identifier: MIT
# Parts of the `cleat` command, compiled in: it is a program, not a library.
cleat_fuzz(cli_config LINK cleat::app cleat::port_linux inih RUNS 20000
           SOURCES fuzz_cli_config.c ${PROJECT_SOURCE_DIR}/cli/config.c
           CORPUS tests/fuzz/corpus/cli_config)
cleat_fuzz(cli_order RUNS 200000
           SOURCES fuzz_cli_order.c ${PROJECT_SOURCE_DIR}/cli/order.c
           CORPUS tests/fuzz/corpus/cli_order)
cleat_fuzz(cli_chip LINK cleat::se cleat::sim cleat::port_linux RUNS 100000
           SOURCES fuzz_cli_chip.c ${PROJECT_SOURCE_DIR}/cli/chip.c
           ${PROJECT_SOURCE_DIR}/cli/lock.c
           CORPUS tests/fuzz/corpus/cli_chip)
cleat_fuzz(cli_safety LINK cleat_cli RUNS 30000 SOURCES fuzz_cli_safety.c
           CORPUS tests/fuzz/corpus/cli_safety)
foreach(target fuzz_cli_config fuzz_cli_order fuzz_cli_chip)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cli
                             ${PROJECT_SOURCE_DIR})
endforeach()
