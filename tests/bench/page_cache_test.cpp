#include "bench/page_cache.hpp"

#include "testing/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sys/stat.h>

using namespace troupe;
using namespace troupe::bench;

TEST_CASE("page cache: the file that fills it takes no space, and what is free is told") {
    const testing::temporary_directory directory;
    const auto before = free_memory_bytes();
    REQUIRE(before);
    CHECK(*before > 0);
    const auto left = fill_page_cache(directory.path(), 8u << 20);
    REQUIRE(left);
    CHECK(*left > 0);
    struct stat file {};
    REQUIRE(::stat((directory.path() / page_cache_file).c_str(), &file) == 0);
    CHECK(file.st_size == 8 << 20);
    CHECK(file.st_blocks == 0);
}

TEST_CASE("page cache: a directory that is none is refused by name") {
    const testing::temporary_directory directory;
    std::ofstream{directory.path() / "taken"} << "a file";
    const auto filled = fill_page_cache(directory.path() / "taken", 1 << 20);
    REQUIRE_FALSE(filled);
    CHECK(filled.failure().code == errc::io);
    CHECK(filled.failure().text.find((directory.path() / "taken").string()) != std::string::npos);
}
