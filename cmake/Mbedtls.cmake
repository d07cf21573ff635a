# SPDX-License-Identifier: MIT
# Target cleat_mbedtls: the sources of mbedTLS 3.6 with src/tls/mbedtls_config.h.
# tools/fetch-source puts them where this looks; -DCLEAT_MBEDTLS_SOURCE=DIR
# (or the environment) names another tree.

set(cleat_mbedtls_dir "${CLEAT_MBEDTLS_SOURCE}")
if(NOT cleat_mbedtls_dir)
  set(cleat_mbedtls_dir "$ENV{CLEAT_MBEDTLS_SOURCE}")
endif()
if(NOT cleat_mbedtls_dir)
  set(cleat_mbedtls_dir "${PROJECT_SOURCE_DIR}/build/mbedtls-src")
endif()

set(cleat_mbedtls_version "")
if(EXISTS "${cleat_mbedtls_dir}/include/mbedtls/build_info.h")
  file(STRINGS "${cleat_mbedtls_dir}/include/mbedtls/build_info.h"
       cleat_mbedtls_version REGEX "MBEDTLS_VERSION_STRING +\"")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" cleat_mbedtls_version
         "${cleat_mbedtls_version}")
endif()
if(NOT cleat_mbedtls_version MATCHES "^3\\.6\\.")
  message(FATAL_ERROR
    "No mbedTLS 3.6 source tree in '${cleat_mbedtls_dir}' "
    "(found version: '${cleat_mbedtls_version}').\n"
    "Fetch it:  tools/fetch-source mbedtls build/mbedtls-src\n"
    "or name one of yours:  -DCLEAT_MBEDTLS_SOURCE=DIR")
endif()
message(STATUS "mbedTLS ${cleat_mbedtls_version}: ${cleat_mbedtls_dir}")

set(CLEAT_TLS_IN_LEN 16384 CACHE STRING
    "Largest TLS record received, bytes; costs as much heap per connection")
set(CLEAT_TLS_OUT_LEN 4096 CACHE STRING
    "Largest TLS record sent, bytes; costs as much heap per connection")

set(cleat_tls_extras ON)
if(CMAKE_CROSSCOMPILING)
  set(cleat_tls_extras OFF)
endif()
option(CLEAT_TLS_EXTRAS
  "TLS beyond the smallest client, see src/tls/extras.h" ${cleat_tls_extras})

set(CLEAT_MBEDTLS_CONFIG "${PROJECT_SOURCE_DIR}/src/tls/mbedtls_config.h"
    CACHE FILEPATH "Configuration of mbedTLS; mbedtls_check.h limits it")

file(GLOB cleat_mbedtls_sources CONFIGURE_DEPENDS
     "${cleat_mbedtls_dir}/library/*.c")
add_library(cleat_mbedtls STATIC ${cleat_mbedtls_sources})
set_target_properties(cleat_mbedtls PROPERTIES
  C_CLANG_TIDY "" EXPORT_NAME mbedtls CLEAT_SOURCE_DIR "${cleat_mbedtls_dir}")
target_include_directories(cleat_mbedtls SYSTEM PUBLIC
  $<BUILD_INTERFACE:${cleat_mbedtls_dir}/include>)
target_include_directories(cleat_mbedtls PRIVATE
  "${cleat_mbedtls_dir}/library" "${PROJECT_SOURCE_DIR}/src/tls")
target_compile_definitions(cleat_mbedtls PUBLIC
  $<BUILD_INTERFACE:MBEDTLS_CONFIG_FILE="${CLEAT_MBEDTLS_CONFIG}">
  CLEAT_TLS_IN_LEN=${CLEAT_TLS_IN_LEN} CLEAT_TLS_OUT_LEN=${CLEAT_TLS_OUT_LEN}
  CLEAT_TLS_EXTRAS=$<BOOL:${CLEAT_TLS_EXTRAS}>)
target_compile_options(cleat_mbedtls PRIVATE
  -w -ffunction-sections -fdata-sections)
# Two functions of src/tls/psa.c in the place of its own (TLS 1.3).
set_source_files_properties("${cleat_mbedtls_dir}/library/psa_crypto.c"
  PROPERTIES COMPILE_DEFINITIONS "\
mbedtls_psa_ecp_generate_key=cleat_tls_psa_generate;\
mbedtls_psa_ecp_export_public_key=cleat_tls_psa_export_public")
if(CLEAT_SANITIZE)
  # It compares empty names with memcmp(NULL, NULL, 0).
  target_compile_options(cleat_mbedtls PRIVATE -fsanitize=${CLEAT_SANITIZE}
                         -fno-omit-frame-pointer -fno-sanitize-recover=all
                         -fno-sanitize=nonnull-attribute)
endif()
