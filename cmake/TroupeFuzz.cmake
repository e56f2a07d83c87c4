# troupe_fuzz(<name> SOURCES ... LIBRARIES ...): one libFuzzer target, built when TROUPE_FUZZ is on. `./dev fuzz` runs every
# executable of tests/fuzz; its seeds are the files in tests/fuzz/corpus/<name>/, when there are any.
if(TROUPE_FUZZ AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "TROUPE_FUZZ needs Clang: use `cmake --preset fuzz`, or configure with -DCMAKE_CXX_COMPILER=clang++-14.")
endif()

function(troupe_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} troupe::build_flags)
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
