#include "bench/page_cache.hpp"

#include "testing/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace troupe;
using namespace troupe::bench;

namespace {

/// The part of a file that the page cache holds.
double cached(const std::filesystem::path& path, std::size_t bytes) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    REQUIRE(mapped != MAP_FAILED);
    std::vector<unsigned char> pages(bytes / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
    const bool asked = ::mincore(mapped, bytes, pages.data()) == 0;
    ::munmap(mapped, bytes);
    REQUIRE(asked);
    const auto in = std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1u) != 0; });
    return static_cast<double>(in) / static_cast<double>(pages.size());
}

} // namespace

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
    if (*before > surely_free)
        CHECK(cached(directory.path() / page_cache_file, 8u << 20) > 0.9);
}

TEST_CASE("page cache: a directory that is none is refused by name") {
    const testing::temporary_directory directory;
    std::ofstream{directory.path() / "taken"} << "a file";
    const auto filled = fill_page_cache(directory.path() / "taken", 1 << 20);
    REQUIRE_FALSE(filled);
    CHECK(filled.failure().code == errc::io);
    CHECK(filled.failure().text.find((directory.path() / "taken").string()) != std::string::npos);
}
