# SPDX-License-Identifier: MIT
# TOOLCHAIN=ARM: clang and its linker for the same target, the stand-in for Arm
# Compiler 6, which is clang too. C library and arithmetic come from newlib-nano
# and libgcc, asked of the GNU compiler: Debian's clang has none for Arm.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET thumbv7em-none-eabi)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)
# As newlib was built: enums take the room they need.
set(CMAKE_C_FLAGS_INIT "-fshort-enums")
set(CLEAT_TOOLCHAIN ARM)
set(CLEAT_TOOLCHAIN_LINK -fuse-ld=lld -nostdlib)
# For images that are counted: equal texts stay apart, each with its file.
set(CLEAT_TOOLCHAIN_LINK_COUNTED -Wl,-O0)

# cleat_toolchain_for(FLAGS...): where newlib's headers and the libraries for
# this processor are.
function(cleat_toolchain_for)
  foreach(library libc_nano.a libgcc.a)
    execute_process(COMMAND arm-none-eabi-gcc ${ARGN} -print-file-name=${library}
                    OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE
                    COMMAND_ERROR_IS_FATAL ANY)
    list(APPEND libraries ${path})
  endforeach()
  execute_process(COMMAND arm-none-eabi-gcc -print-sysroot
                  OUTPUT_VARIABLE sysroot OUTPUT_STRIP_TRAILING_WHITESPACE)
  find_path(CLEAT_NEWLIB newlib.h PATHS ${sysroot}/include /usr/include/newlib
            NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  set(CLEAT_TOOLCHAIN_INCLUDES ${CLEAT_NEWLIB} PARENT_SCOPE)
  set(CLEAT_TOOLCHAIN_LIBRARIES ${libraries} PARENT_SCOPE)
endfunction()
