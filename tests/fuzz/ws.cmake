# SPDX-License-Identifier: MIT
cleat_fuzz(ws_stream SOURCES fuzz_ws_stream.c LINK cleat::ws
           CORPUS tests/fuzz/corpus/ws_stream RUNS 100000)
