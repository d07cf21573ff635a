# SPDX-License-Identifier: MIT
# Target cleat_lwip: the sources of lwIP 2.2 with ports/bare/lwipopts.h.
# tools/fetch-source puts them where this looks; -DCLEAT_LWIP_SOURCE=DIR
# (or the environment) names another tree.

set(cleat_lwip_dir "${CLEAT_LWIP_SOURCE}")
if(NOT cleat_lwip_dir)
  set(cleat_lwip_dir "$ENV{CLEAT_LWIP_SOURCE}")
endif()
if(NOT cleat_lwip_dir)
  set(cleat_lwip_dir "${PROJECT_SOURCE_DIR}/build/lwip-src")
endif()
if(NOT EXISTS "${cleat_lwip_dir}/src/include/lwip/init.h")
  message(FATAL_ERROR
    "No lwIP 2.2 source tree in '${cleat_lwip_dir}'.\n"
    "Fetch it:  tools/fetch-source lwip build/lwip-src\n"
    "or name one of yours:  -DCLEAT_LWIP_SOURCE=DIR")
endif()
message(STATUS "lwIP: ${cleat_lwip_dir}")

file(GLOB cleat_lwip_sources CONFIGURE_DEPENDS
     "${cleat_lwip_dir}/src/core/*.c" "${cleat_lwip_dir}/src/core/ipv4/*.c")
add_library(cleat_lwip STATIC ${cleat_lwip_sources}
            "${cleat_lwip_dir}/src/netif/ethernet.c")
set_target_properties(cleat_lwip PROPERTIES C_CLANG_TIDY "")
target_include_directories(cleat_lwip SYSTEM PUBLIC
                           "${cleat_lwip_dir}/src/include")
target_include_directories(cleat_lwip PUBLIC
                           "${PROJECT_SOURCE_DIR}/ports/bare")
target_compile_options(cleat_lwip PRIVATE -w)
