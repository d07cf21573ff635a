# SPDX-License-Identifier: MIT
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
cleat_fuzz(sim_transfers SOURCES fuzz_sim_transfers.c LINK cleat::sim OpenSSL::Crypto
           CORPUS tests/fuzz/corpus/sim_transfers RUNS 4000)
cleat_fuzz(sim_state SOURCES fuzz_sim_state.c LINK cleat::sim OpenSSL::Crypto
           RUNS 3000)
cleat_fuzz(sim_apdu SOURCES fuzz_sim_apdu.c LINK cleat::sim OpenSSL::Crypto
           CORPUS tests/fuzz/corpus/sim_apdu RUNS 3000)
target_include_directories(fuzz_sim_apdu PRIVATE ${PROJECT_SOURCE_DIR}/sim)
target_include_directories(fuzz_sim_transfers PRIVATE
                           ${PROJECT_SOURCE_DIR}/sim)
target_include_directories(fuzz_sim_state PRIVATE ${PROJECT_SOURCE_DIR}/sim)
