#include "bench/page_cache.hpp"

#include "bench/raw_limits.hpp"
#include "testing/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace troupe;
using namespace troupe::bench;

TEST_CASE("page cache: the file that fills it is in it, and takes no space") {
    const testing::temporary_directory directory;
    const auto before = free_memory_bytes();
    REQUIRE(before);
    REQUIRE(fill_page_cache(directory.path(), 8u << 20));
    struct stat file {};
    REQUIRE(::stat((directory.path() / page_cache_file).c_str(), &file) == 0);
    CHECK(file.st_size == 8 << 20);
    CHECK(file.st_blocks == 0);
    // A machine whose page cache is full already is left as it is.
    constexpr std::uint64_t surely_free = 4ull << 30;
    if (*before <= surely_free)
        return;
    std::filesystem::create_directory(directory.path() / "segments");
    std::filesystem::create_hard_link(directory.path() / page_cache_file, directory.path() / "segments" / "0");
    const auto cached = cached_fraction(directory.path() / "segments");
    REQUIRE(cached);
    CHECK(*cached > 0.9);
}

TEST_CASE("page cache: a directory that is none is refused by name") {
    const testing::temporary_directory directory;
    std::ofstream{directory.path() / "taken"} << "a file";
    const auto filled = fill_page_cache(directory.path() / "taken", 1 << 20);
    REQUIRE_FALSE(filled);
    CHECK(filled.failure().code == errc::io);
    CHECK(filled.failure().text.find((directory.path() / "taken").string()) != std::string::npos);
}
