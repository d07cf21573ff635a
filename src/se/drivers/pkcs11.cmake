# SPDX-License-Identifier: MIT
# Tokens on a host, through p11-kit; OpenSSL reads certificates and checks what
# is public. Left out, with a word at configure, where p11-kit is missing.
if(CLEAT_HOST)
  find_package(OpenSSL REQUIRED)
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(P11KIT QUIET IMPORTED_TARGET GLOBAL p11-kit-1)
  endif()
  if(P11KIT_FOUND)
    set(driver_link PkgConfig::P11KIT OpenSSL::Crypto)
  else()
    message(STATUS "No pkcs11 driver: p11-kit-1 was not found (libp11-kit-dev)")
    set(driver_skip ON)
  endif()
else()
  set(driver_skip ON)
endif()
