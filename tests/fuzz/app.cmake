# SPDX-License-Identifier: MIT
cleat_fuzz(app_pem SOURCES fuzz_app_pem.c LINK "$<LINK_GROUP:RESCAN,cleat_app,cleat_tls,cleat_port_linux>"
           CORPUS tests/fuzz/corpus/app_pem RUNS 50000)
target_include_directories(fuzz_app_pem PRIVATE ${PROJECT_SOURCE_DIR})
