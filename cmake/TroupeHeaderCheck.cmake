# Target check_headers: every header compiles alone. One generated source per header includes just that header, twice,
# so a missing include or include guard stops it. A header of the product whose own source includes it first needs none: clang-tidy
# compiles that source, and without precompiled headers. (That is looked at when CMake configures, as in continuous integration.)
set(check_header_folders protocol filter storage config actors client testing bench apps tests/support)
list(TRANSFORM check_header_folders APPEND "/*.hpp" OUTPUT_VARIABLE check_header_patterns)
list(TRANSFORM check_header_patterns PREPEND "${CMAKE_SOURCE_DIR}/")
file(GLOB_RECURSE check_headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${check_header_patterns})

set(check_header_sources)
foreach(header IN LISTS check_headers)
  string(REGEX REPLACE "[.]hpp$" ".cpp" own_source ${header})
  if(NOT header MATCHES "^tests/" AND EXISTS ${CMAKE_SOURCE_DIR}/${own_source})
    file(STRINGS ${CMAKE_SOURCE_DIR}/${own_source} first_include REGEX "^#include \"" LIMIT_COUNT 1)
    if(first_include STREQUAL "#include \"${header}\"")
      continue()
    endif()
  endif()
  set(source ${CMAKE_BINARY_DIR}/check_headers/${header}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@header@\"\n#include \"@header@\" // again\n" @ONLY)
  list(APPEND check_header_sources ${source})
endforeach()

find_package(CLI11 2.1 REQUIRED) # found in apps/ too, but imported targets stay in their folder
find_package(spdlog 1.10 REQUIRED)
add_library(check_headers OBJECT EXCLUDE_FROM_ALL ${check_header_sources})
target_compile_options(check_headers PRIVATE -O0 -g0)
target_link_libraries(check_headers PRIVATE troupe::build_flags caf::core caf::io nlohmann_json::nlohmann_json CLI11::CLI11
  spdlog::spdlog)
if(TARGET doctest::doctest)
  target_link_libraries(check_headers PRIVATE doctest::doctest)
endif()
