# SPDX-License-Identifier: MIT
# libcleat.so: the MQTT library (session, client, store, WebSocket, and on a host
# its port) as one shared object for programs that link dynamically. It exports
# what the public headers declare, and nothing else: the list is read from them.
set(cleat_shared_parts base store mqtt client keeper ws)
set(cleat_shared_link)
if(CLEAT_HOST)
  list(APPEND cleat_shared_parts port_linux linux_client)
  find_package(Threads REQUIRED)
  find_package(OpenSSL REQUIRED)
  list(APPEND cleat_shared_link Threads::Threads OpenSSL::Crypto)
endif()
set(cleat_shared_sources)
foreach(part ${cleat_shared_parts})
  get_target_property(files cleat_${part} SOURCES)
  get_target_property(folder cleat_${part} SOURCE_DIR)
  foreach(file ${files})
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${folder})
    list(APPEND cleat_shared_sources ${file})
  endforeach()
endforeach()

set(cleat_shared_headers backoff bytes client error keeper log mailbox mqtt mqtt5 mqtt_dispatch
    mqtt_request port store ws)
if(CLEAT_HOST)
  list(APPEND cleat_shared_headers linux_client linux_crypto linux_gpio linux_i2c linux_link linux_net
       linux_port linux_random linux_store)
endif()
set(exports)
foreach(name ${cleat_shared_headers})
  set(header ${PROJECT_SOURCE_DIR}/include/cleat/${name}.h)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(READ ${header} text)
  string(REGEX REPLACE "/[*]([^*]|[*][^/])*[*]+/" "" text "${text}")
  string(REGEX MATCHALL "cleat_[a-z0-9_]+[(]" found "${text}")
  string(REGEX MATCHALL "extern const [a-z0-9_ ]+" data "${text}")
  foreach(symbol ${found} ${data})
    string(REGEX REPLACE "^extern .* |[(]" "" symbol "${symbol}")
    string(APPEND exports "        ${symbol};\n")
  endforeach()
endforeach()
set(cleat_version_script ${CMAKE_CURRENT_BINARY_DIR}/cleat.map)
file(CONFIGURE OUTPUT ${cleat_version_script} @ONLY CONTENT
"CLEAT_@PROJECT_VERSION_MAJOR@.@PROJECT_VERSION_MINOR@ {
    global:
@exports@    local:
        *;
};
")

add_library(cleat_shared SHARED ${cleat_shared_sources})
add_library(cleat::shared ALIAS cleat_shared)
# Before 1.0 every minor version may change the interface, and says so here.
set_target_properties(cleat_shared PROPERTIES
  OUTPUT_NAME cleat EXPORT_NAME shared VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LINK_DEPENDS ${cleat_version_script})
target_include_directories(cleat_shared PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_include_directories(cleat_shared PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(cleat_shared PRIVATE ${cleat_shared_link})
target_link_options(cleat_shared PRIVATE
                    LINKER:--version-script=${cleat_version_script})
cleat_target_settings(cleat_shared)
