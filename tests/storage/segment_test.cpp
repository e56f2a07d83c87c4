#include "storage/segment.hpp"
#include "tests/support/log_samples.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

result<segment_list> open(const std::shared_ptr<fault_file_system>& files, std::uint64_t bytes = 1000) {
    return open_segments(*files, "/store/commitlog", bytes, open_mode::read);
}

std::string used(std::size_t bytes) {
    return std::string(bytes, 'x');
}

} // namespace

TEST_CASE("segment: names are twenty digits, and nothing else is a name") {
    CHECK(segment_name(log_position{0}) == "00000000000000000000");
    CHECK(segment_name(log_position{1'073'741'824}) == "00000000001073741824");
    CHECK(parse_segment_name("00000000001073741824") == log_position{1'073'741'824});
    CHECK(parse_segment_name(segment_name(log_position{INT64_MAX})) == log_position{INT64_MAX});
    for (const auto* name : {"", "0", "0000000000107374182", "000000000001073741824", "0000000000107374182x", "-0000000000107374182",
                             "99999999999999999999", "0000000000107374182 "}) {
        CAPTURE(name);
        CHECK_FALSE(parse_segment_name(name));
    }
}

TEST_CASE("segment: the list finds the segment of a position") {
    auto files = make_store_disk();
    files->put("/store/commitlog/00000000000000001000", used(1000));
    files->put("/store/commitlog/00000000000000002000", used(500));
    const auto segments = open(files);
    REQUIRE(segments);
    REQUIRE(segments->size() == 2);
    CHECK_FALSE(find_segment(*segments, log_position{999}));
    CHECK(find_segment(*segments, log_position{1000}) == (*segments)[0]);
    CHECK(find_segment(*segments, log_position{1999}) == (*segments)[0]);
    CHECK(find_segment(*segments, log_position{2000}) == (*segments)[1]);
    CHECK(find_segment(*segments, log_position{2999}) == (*segments)[1]);
    CHECK_FALSE(find_segment(*segments, log_position{3000}));
}

TEST_CASE("segment: a damaged first header does not keep older segments from growing old") {
    auto files = make_store_disk();
    {
        auto opened = open_log(files, 2048);
        for (int i = 0; i < 20; ++i)
            REQUIRE(append_bodies(*opened->log, {std::string(300, 'b')}, i, 1000 + i));
        REQUIRE(opened->log->sync());
    }
    const auto second = log_directory / segment_name(log_position{2048});
    auto content = *files->content(second);
    content[20] ^= 1;
    files->put(second, content);
    const auto segments = open_segments(*files, log_directory, 2048, open_mode::read);
    REQUIRE(segments);
    REQUIRE(segments->size() > 3);
    CHECK((*segments)[1]->first_stored_ms == 0);
    CHECK((*segments)[0]->last_stored_ms == (*segments)[2]->first_stored_ms);
    CHECK((*segments)[0]->last_stored_ms != 0);
}

TEST_CASE("segment: a foreign file is refused by name and stays") {
    auto files = make_store_disk();
    files->put("/store/commitlog/00000000000000000000", used(1000));
    files->put("/store/commitlog/notes.txt", "mine");
    const auto refused = open(files);
    REQUIRE(refused.code() == errc::format_unknown);
    CHECK(refused.failure().text == "/store/commitlog/notes.txt: this is no segment of a commit log; move it out of the directory");
    CHECK(files->content("/store/commitlog/notes.txt") == "mine");
}

TEST_CASE("segment: a hole, a cut and an overlong file are refused with the file and the way out") {
    auto files = make_store_disk();
    files->put("/store/commitlog/00000000000000000000", used(1000));
    files->put("/store/commitlog/00000000000000001000", used(1000));
    files->put("/store/commitlog/00000000000000002000", used(1000));
    REQUIRE(open(files));
    SUBCASE("a segment is missing") {
        REQUIRE(files->remove("/store/commitlog/00000000000000001000"));
    }
    SUBCASE("a segment was cut") {
        files->put("/store/commitlog/00000000000000001000", used(999));
    }
    SUBCASE("a segment has grown") {
        files->put("/store/commitlog/00000000000000001000", used(1001));
    }
    const auto refused = open(files);
    REQUIRE(refused.code() == errc::corrupt);
    CHECK(refused.failure().text.find("/store/commitlog/0000000000000000") == 0);
    CHECK(refused.failure().text.find("restore") != std::string::npos);
}

TEST_CASE("segment: the last one may be short or empty, and so may the one before unused ones") {
    auto files = make_store_disk();
    files->put("/store/commitlog/00000000000000000000", used(1000));
    files->put("/store/commitlog/00000000000000001000", used(10));
    files->put("/store/commitlog/00000000000000002000", "");
    const auto segments = open(files);
    REQUIRE(segments);
    CHECK((*segments)[1]->capacity_bytes == 1000);
    CHECK((*segments)[2]->capacity_bytes == 1000);
}

TEST_CASE("segment: segments made with another size setting are as long as they are") {
    auto files = make_store_disk();
    files->put("/store/commitlog/00000000000000000000", used(300));
    files->put("/store/commitlog/00000000000000000300", used(5000));
    const auto segments = open(files, 1000);
    REQUIRE(segments);
    CHECK((*segments)[0]->capacity_bytes == 300);
    CHECK((*segments)[1]->capacity_bytes == 5000);
}
