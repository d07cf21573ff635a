# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: programs, manual pages, public headers,
# and the libraries as find_package(cleat) and pkg-config find them. Not TLS
# and not the device: they would bring a configured mbedTLS into other people's
# programs.
include(CMakePackageConfigHelpers)

set(cleat_installed cleat_base cleat_store cleat_ws cleat_mqtt cleat_client cleat_keeper
    cleat_se)
if(CLEAT_HOST)
  list(APPEND cleat_installed cleat_port_linux cleat_linux_client)
endif()
if(CLEAT_HOST AND CLEAT_TLS)
  install(TARGETS cleat cleat-chipsim)
  include(CleatMan)
endif()
if(CLEAT_SHARED)
  include(CleatShared)
  list(APPEND cleat_installed cleat_shared)
endif()
install(TARGETS ${cleat_installed} EXPORT cleat
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cleat
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h"
        PATTERN "tls*.h" EXCLUDE PATTERN device.h EXCLUDE PATTERN "settings*.h" EXCLUDE
        PATTERN board.h EXCLUDE PATTERN "bare_*.h" EXCLUDE PATTERN freertos_port.h EXCLUDE
        PATTERN lwip_net.h EXCLUDE)

set(cleat_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cleat)
install(EXPORT cleat NAMESPACE cleat:: FILE cleat-targets.cmake
        DESTINATION ${cleat_config_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/cleat-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/cleat-config.cmake
  INSTALL_DESTINATION ${cleat_config_dir})
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/cleat-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cleat-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/cleat-config-version.cmake
        DESTINATION ${cleat_config_dir})
# The prefix as seen from the file itself, so that the tree can be moved.
file(RELATIVE_PATH cleat_pc_prefix "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
# cleat: the shared object where there is one; cleat-static: archives.
function(cleat_pkg_config file libs)
  set(cleat_pc_libs ${libs})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/cleat.pc.in
                 ${CMAKE_CURRENT_BINARY_DIR}/${file} @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${file}
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
set(cleat_archives "-lcleat_client -lcleat_keeper -lcleat_ws -lcleat_mqtt -lcleat_store -lcleat_base")
if(CLEAT_HOST)
  set(cleat_archives "-lcleat_linux_client -lcleat_port_linux ${cleat_archives} -lcrypto -pthread")
endif()
cleat_pkg_config(cleat-static.pc "${cleat_archives}")
if(CLEAT_SHARED)
  cleat_pkg_config(cleat.pc "-lcleat")
else()
  cleat_pkg_config(cleat.pc "${cleat_archives}")
endif()
