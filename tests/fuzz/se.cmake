# SPDX-License-Identifier: MIT
cleat_fuzz(se_optiga RUNS 10000
           CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/se_optiga LINK cleat::se
           SOURCES fuzz_se_optiga.c ${PROJECT_SOURCE_DIR}/tests/unit/se/port_fake.c)
target_include_directories(fuzz_se_optiga PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit/se)
cleat_fuzz(se_cert RUNS 50000
           CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/se_cert LINK cleat::se
           SOURCES fuzz_se_cert.c ${PROJECT_SOURCE_DIR}/tests/unit/se/port_fake.c)
find_package(OpenSSL REQUIRED)
cleat_fuzz(se_shield RUNS 3000
           CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/se_shield
           LINK cleat::se cleat::port_linux OpenSSL::Crypto
           SOURCES fuzz_se_shield.c ${PROJECT_SOURCE_DIR}/tests/unit/se/chip.c
           ${PROJECT_SOURCE_DIR}/tests/unit/se/chip_shield.c
           ${PROJECT_SOURCE_DIR}/tests/unit/se/port_fake.c)
target_include_directories(fuzz_se_shield PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit/se)
cleat_fuzz(se_hostile RUNS 300
           CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/se_hostile
           LINK cleat::se cleat::sim cleat::port_linux
           SOURCES fuzz_se_hostile.c ${PROJECT_SOURCE_DIR}/tests/unit/se/port_fake.c)
target_include_directories(fuzz_se_hostile PRIVATE
  ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests/unit/se)
