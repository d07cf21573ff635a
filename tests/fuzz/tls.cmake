# SPDX-License-Identifier: MIT
cleat_fuzz(tls_certificate SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_tls_certificate.c
           ${PROJECT_SOURCE_DIR}/tests/unit/tls/fake_port.c
           LINK cleat::tls cleat_mbedtls OpenSSL::Crypto RUNS 20000
           CORPUS tests/fuzz/corpus/tls_certificate)
cleat_fuzz(tls_records SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_tls_records.c
           LINK cleat_test_tls_rig RUNS 500
           CORPUS tests/fuzz/corpus/tls_records)
cleat_fuzz(tls_session SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_tls_session.c
           ${PROJECT_SOURCE_DIR}/tests/unit/tls/fake_port.c
           LINK cleat::tls cleat_mbedtls OpenSSL::Crypto)
