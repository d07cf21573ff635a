# SPDX-License-Identifier: MIT
cleat_fuzz(se_optiga RUNS 10000
           CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/se_optiga LINK cleat::se
           SOURCES fuzz_se_optiga.c ${PROJECT_SOURCE_DIR}/tests/unit/se/port_fake.c)
target_include_directories(fuzz_se_optiga PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit/se)
cleat_fuzz(se_cert RUNS 50000
           CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/se_cert LINK cleat::se
           SOURCES fuzz_se_cert.c ${PROJECT_SOURCE_DIR}/tests/unit/se/port_fake.c)
