# SPDX-License-Identifier: MIT
cleat_fuzz(store_log SOURCES fuzz_store_log.c LINK cleat::port_linux
           CORPUS tests/fuzz/corpus/store_log RUNS 100000)
