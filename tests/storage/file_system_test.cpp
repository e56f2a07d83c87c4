#include "storage/file_system.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

// Goal: the real file system and the double keep the same contract, so that what is proved on one holds on the other.
// How:  every case runs on both.

namespace {

struct both {
    temporary_directory real;
    std::shared_ptr<fault_file_system> memory = fault_file_system::make(1);

    template <class Test>
    void each(Test test) {
        REQUIRE(memory->make_directories("/dir"));
        {
            INFO("in memory");
            test(*memory, std::filesystem::path{"/dir"});
        }
        INFO("on disk");
        test(*posix_file_system(), real.path());
    }
};

std::string read_all(const file& from, std::uint64_t offset, std::size_t bytes) {
    std::string out(bytes, '?');
    auto got = from.read_at(offset, out);
    REQUIRE(got);
    out.resize(*got);
    return out;
}

result<void> write(file& to, std::uint64_t offset, std::vector<std::string_view> parts) {
    return to.write_at(offset, parts);
}

} // namespace

TEST_CASE("file: written parts are read back one after the other, and reading stops at the end") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        auto opened = files.open(dir / "a", open_mode::create);
        REQUIRE(opened);
        auto& f = **opened;
        CHECK(read_all(f, 0, 4).empty());
        REQUIRE(write(f, 2, {"one", "", "two"}));
        CHECK(read_all(f, 0, 100) == std::string("\0\0onetwo", 8));
        CHECK(read_all(f, 7, 100) == "o");
        CHECK(read_all(f, 8, 100).empty());
        CHECK(*f.size() == 8);
        CHECK(f.sync());
    });
}

TEST_CASE("file: more parts than one system call takes are all written, in order") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        auto opened = files.open(dir / "many", open_mode::create);
        REQUIRE(opened);
        std::vector<std::string> texts;
        std::string expected;
        for (int i = 0; i < 3000; ++i) {
            texts.push_back(i % 7 == 0 ? "" : std::to_string(i) + ",");
            expected += texts.back();
        }
        const std::vector<std::string_view> parts{texts.begin(), texts.end()};
        REQUIRE((*opened)->write_at(5, parts));
        CHECK(read_all(**opened, 5, expected.size() + 10) == expected);
    });
}

TEST_CASE("file: allocated bytes are zero, and allocating never shortens or clears") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        auto opened = files.open(dir / "a", open_mode::create);
        REQUIRE(opened);
        auto& f = **opened;
        REQUIRE(f.allocate(8192));
        CHECK(*f.size() == 8192);
        CHECK(read_all(f, 0, 8192) == std::string(8192, '\0'));
        REQUIRE(write(f, 100, {"x"}));
        REQUIRE(f.allocate(4096));
        CHECK(*f.size() == 8192);
        CHECK(read_all(f, 100, 1) == "x");
        REQUIRE(f.truncate(100));
        REQUIRE(f.allocate(8192));
        CHECK(read_all(f, 0, 8192) == std::string(8192, '\0'));
    });
}

TEST_CASE("file: reading what was just written brings nothing of the reserved space behind it into the cache") {
    const temporary_directory dir;
    constexpr std::size_t page_bytes = 4096;
    constexpr std::size_t written_bytes = 1u << 20;
    constexpr std::size_t reserved_bytes = 32u << 20;
    auto opened = posix_file_system()->open(dir.path() / "log", open_mode::create);
    REQUIRE(opened);
    auto& f = **opened;
    REQUIRE(f.allocate(reserved_bytes));
    CHECK(read_all(f, 0, page_bytes) == std::string(page_bytes, '\0')); // as after a start: that is read ahead
    CHECK(read_all(f, page_bytes, page_bytes) == std::string(page_bytes, '\0'));
    const std::string part(written_bytes / 16, 'x');
    for (std::size_t offset = 0; offset < written_bytes; offset += part.size())
        REQUIRE(write(f, offset, {part}));
    const auto cached_behind = [&dir] {
        const int number = ::open((dir.path() / "log").c_str(), O_RDONLY | O_CLOEXEC);
        REQUIRE(number >= 0);
        void* const mapped = ::mmap(nullptr, reserved_bytes, PROT_READ, MAP_SHARED, number, 0);
        ::close(number);
        REQUIRE(mapped != MAP_FAILED);
        std::vector<unsigned char> pages(reserved_bytes / page_bytes);
        const bool is_known = ::mincore(mapped, reserved_bytes, pages.data()) == 0;
        ::munmap(mapped, reserved_bytes);
        REQUIRE(is_known);
        return std::count_if(pages.begin() + written_bytes / page_bytes, pages.end(), [](unsigned char page) { return (page & 1) != 0; });
    };
    const auto before = cached_behind(); // none, but for file systems that keep reserved space in memory
    for (std::size_t offset = 0; offset < written_bytes; offset += part.size())
        CHECK(read_all(f, offset, part.size()) == part);
    CHECK(cached_behind() == before);
}

TEST_CASE("file: next_data never passes over a byte that is not zero") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        auto opened = files.open(dir / "a", open_mode::create);
        REQUIRE(opened);
        auto& f = **opened;
        REQUIRE(f.allocate(1u << 20));
        REQUIRE(write(f, 700'000, {"x"}));
        CHECK(*f.next_data(0) <= 700'000);
        CHECK(*f.next_data(700'000) == 700'000);
        CHECK(*f.next_data(1u << 20) >= (1u << 20));
    });
}

TEST_CASE("file system: opening says what is wrong") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        CHECK(files.open(dir / "none", open_mode::read).code() == errc::not_found);
        CHECK(files.open(dir / "none", open_mode::read_write).code() == errc::not_found);
        CHECK(files.open(dir / "none" / "deeper", open_mode::create).code() == errc::not_found);
        REQUIRE(files.open(dir / "a", open_mode::open_or_create));
        CHECK(files.open(dir / "a", open_mode::create).code() == errc::already_exists);
        CHECK(files.open(dir / "a", open_mode::open_or_create));
        const auto missing = files.open(dir / "none", open_mode::read);
        CHECK(missing.failure().text.find((dir / "none").string()) != std::string::npos);
    });
}

TEST_CASE("file system: directories list, rename and remove") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        REQUIRE(files.make_directories(dir / "x" / "y"));
        REQUIRE(files.make_directories(dir / "x" / "y"));
        REQUIRE(write(**files.open(dir / "x" / "f", open_mode::create), 0, {"hello"}));
        auto entries = files.list(dir / "x");
        REQUIRE(entries);
        std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
        REQUIRE(entries->size() == 2);
        CHECK((*entries)[0].name == "f");
        CHECK((*entries)[0].bytes == 5);
        CHECK_FALSE((*entries)[0].is_directory);
        CHECK((*entries)[1].is_directory);
        CHECK_FALSE(files.remove(dir / "x"));
        REQUIRE(files.open(dir / "x" / "g", open_mode::create));
        REQUIRE(files.rename(dir / "x" / "f", dir / "x" / "g"));
        CHECK_FALSE(*files.exists(dir / "x" / "f"));
        CHECK(read_all(**files.open(dir / "x" / "g", open_mode::read), 0, 9) == "hello");
        CHECK(files.sync_directory(dir / "x"));
        CHECK(files.remove(dir / "x" / "g"));
        CHECK(files.remove(dir / "x" / "g").code() == errc::not_found);
        CHECK(files.list(dir / "none").code() == errc::not_found);
        CHECK(files.space(dir)->free_bytes > 0);
    });
}

TEST_CASE("file system: an open file can be read after it was removed") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        auto opened = files.open(dir / "a", open_mode::create);
        REQUIRE(opened);
        REQUIRE(write(**opened, 0, {"still here"}));
        REQUIRE(files.remove(dir / "a"));
        CHECK(read_all(**opened, 0, 20) == "still here");
    });
}

TEST_CASE("file system: a lock excludes a second holder, also in this process, until it is let go") {
    both{}.each([](file_system& files, const std::filesystem::path& dir) {
        auto first = files.lock(dir / "lock");
        REQUIRE(first);
        const auto second = files.lock(dir / "lock");
        CHECK(second.code() == errc::locked);
        CHECK(second.failure().text.find((dir / "lock").string()) != std::string::npos);
        first->reset();
        CHECK(files.lock(dir / "lock"));
    });
}

TEST_CASE("posix: what may not be written is not_permitted, and says who needs the permission") {
    const auto opened = posix_file_system()->open("/sys/no-such-file", open_mode::open_or_create); // not even for root
    REQUIRE(!opened);
    CHECK(opened.code() == errc::not_permitted);
    CHECK(opened.failure().text.find("let user " + std::to_string(::geteuid()) + " read and write there") != std::string::npos);
}

TEST_CASE("posix: a full device is disk_full and names call, path and reason") {
    auto full = posix_file_system()->open("/dev/full", open_mode::read_write);
    if (!full)
        return; // not on this machine
    const std::vector<std::string_view> parts{"x"};
    const auto failed = (*full)->write_at(0, parts);
    REQUIRE(failed.code() == errc::disk_full);
    CHECK(failed.failure().text == "pwritev /dev/full: No space left on device");
}

TEST_CASE("posix: room that is kept for root counts neither as used nor as free") {
    const auto space = posix_file_system()->space("/");
    REQUIRE(space.ok());
    const auto known = std::filesystem::space("/");
    const auto used_or_free = known.capacity - known.free + known.available;
    const auto larger = std::max<std::uint64_t>(used_or_free, space->total_bytes);
    const auto smaller = std::min<std::uint64_t>(used_or_free, space->total_bytes);
    CHECK(larger - smaller < 1ull << 30); // others use the disk meanwhile
    CHECK(disk_space{.total_bytes = 400, .free_bytes = 100}.used_ratio() == 0.75);
    CHECK(disk_space{}.used_ratio() == 0);
}
