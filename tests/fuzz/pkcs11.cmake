# SPDX-License-Identifier: MIT
if(P11KIT_FOUND)
  cleat_fuzz(se_pkcs11 RUNS 50000
             CORPUS ${CMAKE_CURRENT_LIST_DIR}/corpus/se_pkcs11
             LINK cleat::se PkgConfig::P11KIT OpenSSL::Crypto
             SOURCES fuzz_se_pkcs11.c ${PROJECT_SOURCE_DIR}/tests/unit/se/port_fake.c)
endif()
