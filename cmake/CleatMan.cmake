# SPDX-License-Identifier: MIT
# The manual pages, docs/man/NAME.1.scd, made by scdoc and installed. Without
# scdoc they are left out.
find_program(CLEAT_SCDOC scdoc DOC "Makes the manual pages")
if(NOT CLEAT_SCDOC)
  message(STATUS "scdoc is not there (Debian: apt install scdoc): "
                 "the manual pages are left out")
  return()
endif()
file(GLOB cleat_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.scd)
set(cleat_made "")
foreach(source ${cleat_pages})
  get_filename_component(page ${source} NAME_WLE)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/man/${page})
  add_custom_command(OUTPUT ${made}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/man
    COMMAND ${CLEAT_SCDOC} < ${source} > ${made} DEPENDS ${source} VERBATIM)
  list(APPEND cleat_made ${made})
endforeach()
add_custom_target(man ALL DEPENDS ${cleat_made})
install(FILES ${cleat_made} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
