# Every library is a Debian 12 package; `./dev setup` installs them. Debian ships no CMake files for CAF, RocksDB,
# isa-l, LZ4 and Zstandard, so they get imported targets here. TroupeConfig.cmake includes this file too, in the user's project: it names what
# the libraries need, and nothing that only the program does.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)

set(TROUPE_CAF_ROOT "" CACHE PATH "A CAF 0.17.6 built elsewhere (the thread-sanitizer run needs one)")

find_library(CAF_core_LIBRARY caf_core HINTS ${TROUPE_CAF_ROOT}/lib REQUIRED)
find_library(CAF_io_LIBRARY caf_io HINTS ${TROUPE_CAF_ROOT}/lib REQUIRED)
find_path(CAF_INCLUDE_DIR caf/all.hpp HINTS ${TROUPE_CAF_ROOT}/include REQUIRED)
find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
find_path(ROCKSDB_INCLUDE_DIR rocksdb/db.h REQUIRED)
find_library(ISAL_LIBRARY isal REQUIRED)
find_path(ISAL_INCLUDE_DIR isa-l/crc.h REQUIRED)
find_library(LZ4_LIBRARY lz4 REQUIRED)
find_path(LZ4_INCLUDE_DIR lz4frame.h REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
find_path(ZSTD_INCLUDE_DIR zstd.h REQUIRED)
mark_as_advanced(CAF_core_LIBRARY CAF_io_LIBRARY CAF_INCLUDE_DIR ROCKSDB_LIBRARY ROCKSDB_INCLUDE_DIR ISAL_LIBRARY
  ISAL_INCLUDE_DIR LZ4_LIBRARY LZ4_INCLUDE_DIR ZSTD_LIBRARY ZSTD_INCLUDE_DIR)

# troupe_imported(<name> <include folder> <libraries>...)
function(troupe_imported name include_directory)
  if(NOT TARGET ${name})
    add_library(${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${name} SYSTEM INTERFACE ${include_directory})
    target_link_libraries(${name} INTERFACE ${ARGN})
  endif()
endfunction()

troupe_imported(caf::core ${CAF_INCLUDE_DIR} ${CAF_core_LIBRARY} Threads::Threads)
troupe_imported(caf::io ${CAF_INCLUDE_DIR} ${CAF_io_LIBRARY} caf::core)
troupe_imported(troupe::rocksdb ${ROCKSDB_INCLUDE_DIR} ${ROCKSDB_LIBRARY})
troupe_imported(troupe::isal ${ISAL_INCLUDE_DIR} ${ISAL_LIBRARY})
troupe_imported(troupe::lz4 ${LZ4_INCLUDE_DIR} ${LZ4_LIBRARY})
troupe_imported(troupe::zstd ${ZSTD_INCLUDE_DIR} ${ZSTD_LIBRARY})
