# SPDX-License-Identifier: MIT
# Keys in this process: for tests on a host only.
if(CLEAT_HOST)
  find_package(OpenSSL REQUIRED)
  set(driver_link OpenSSL::Crypto)
else()
  set(driver_skip ON)
endif()
