# Headers of the standard library and of CAF cost a third of what our sources take to compile. Here they are compiled once for all of the
# product, and once for all tests. Only system headers are in it, so that a change to a header of ours compiles anew just what includes it.
# What a source forgets to include is found by the preset lint, which precompiles nothing.
set(TROUPE_PRECOMPILE "" CACHE STRING "Parts that use precompiled system headers: product, tests")

set(troupe_system_headers
  <caf/all.hpp>
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <deque> <filesystem> <functional> <map> <memory> <mutex> <optional>
  <random> <set> <span> <string> <string_view> <thread> <unordered_map> <variant> <vector>)

# troupe_precompiled(<part> <holder> <targets>...): the targets use the headers that are compiled for the holder. They need its compiler
# options: a library's code and a program's are compiled differently, so a part has either.
function(troupe_precompiled part holder)
  if(part IN_LIST TROUPE_PRECOMPILE)
    foreach(target IN LISTS ARGN)
      target_precompile_headers(${target} REUSE_FROM ${holder})
      # A shared library's sources get a macro of its own (<name>_EXPORTS), which nobody asks for and the holder lacks.
      set_target_properties(${target} PROPERTIES DEFINE_SYMBOL "")
    endforeach()
  endif()
endfunction()
