# One interface target carries language level, warnings and sanitizers: troupe::build_flags.
option(TROUPE_BUILD_TESTS "Build the test suite" ON)
option(TROUPE_WARNINGS_AS_ERRORS "Stop at the first warning" ON)
option(TROUPE_FUZZ "Build fuzz targets (needs Clang)" OFF)
option(TROUPE_COVERAGE "Count executed lines (gcov)" OFF)
option(TROUPE_SHARED "Build the product's libraries shared: for a build of many large programs, not to install" OFF)
set(BUILD_SHARED_LIBS ${TROUPE_SHARED}) # what packagers set for all projects would install a program that misses its libraries
set(TROUPE_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=: address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What ccache needs to be told before it takes sources with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()

add_library(troupe_build_flags INTERFACE)
add_library(troupe::build_flags ALIAS troupe_build_flags)
target_compile_features(troupe_build_flags INTERFACE cxx_std_20)
target_include_directories(troupe_build_flags INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
  $<INSTALL_INTERFACE:include/troupe>)
# Flags are for our own build only: whoever uses an installed Troupe chooses their own.
target_compile_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:
  -Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wsign-conversion;-Wnon-virtual-dtor;-Woverloaded-virtual
  ;-fno-omit-frame-pointer>)
# GCC 12's flow analysis takes the inside of an empty std::optional or of a moved std::variant for an uninitialised
# variable as soon as it inlines anything, and with precompiled headers the search of a std::string_view for one that may be longer than
# memory. Clang's analysis, which ./dev lint builds with, stays on.
target_compile_options(troupe_build_flags INTERFACE
  $<BUILD_INTERFACE:$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-stringop-overread>>)
if(TROUPE_WARNINGS_AS_ERRORS)
  target_compile_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:-Werror>)
endif()
if(TROUPE_SANITIZE)
  target_compile_options(troupe_build_flags INTERFACE
    $<BUILD_INTERFACE:-fsanitize=${TROUPE_SANITIZE};-fno-sanitize-recover=all>)
  if(TROUPE_SANITIZE MATCHES "undefined")
    # CAF's init_fun_factory binds a null reference for spawns without arguments; harmless, and not ours to fix.
    # Type checks through the vtable need RTTI that Debian's RocksDB is built without.
    target_compile_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:-fno-sanitize=null,vptr>)
  endif()
  target_link_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:-fsanitize=${TROUPE_SANITIZE}>)
endif()
if(TROUPE_COVERAGE)
  target_compile_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:--coverage>)
  target_link_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:--coverage>)
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  # Two thirds of a linked test are the names of CAF's templates in .debug_str, which shrink to a tenth.
  target_link_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:LINKER:--compress-debug-sections=zlib>)
  target_link_options(troupe_build_flags INTERFACE $<BUILD_INTERFACE:-fuse-ld=mold>)
endif()
