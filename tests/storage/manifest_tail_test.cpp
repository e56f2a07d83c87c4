#include "storage/manifest_tail.hpp"

#include "protocol/checksum.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

/// A record of the format, as RocksDB would write it.
std::string record(char type, const std::string& data) {
    const auto crc = protocol::crc32c(std::string(1, type) + data);
    const auto masked = (crc >> 15 | crc << 17) + 0xa282ead8;
    std::string out;
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<char>(masked >> shift & 0xff));
    out.push_back(static_cast<char>(data.size() & 0xff));
    out.push_back(static_cast<char>(data.size() >> 8));
    out.push_back(type);
    return out + data;
}

} // namespace

TEST_CASE("manifest_tail: the checksum is CRC-32C") {
    CHECK(protocol::crc32c("123456789") == 0xe3069283);
    CHECK(protocol::crc32c("") == 0);
}

TEST_CASE("manifest_tail: what is whole ends with the last record in front of the first that is not") {
    const auto one = record(1, "first edit");
    const auto two = record(1, "second edit, longer");
    CHECK(whole_bytes_of_manifest("") == 0);
    CHECK(whole_bytes_of_manifest(one) == one.size());
    CHECK(whole_bytes_of_manifest(one + two) == one.size() + two.size());
    for (std::size_t kept = 0; kept < two.size(); ++kept)
        CHECK(whole_bytes_of_manifest(one + two.substr(0, kept)) == one.size());
    for (std::size_t bad = 0; bad < two.size(); ++bad) {
        auto damaged = two;
        damaged[bad] = static_cast<char>(damaged[bad] ^ 0x40);
        CHECK(whole_bytes_of_manifest(one + damaged) == one.size());
        CHECK(whole_bytes_of_manifest(one + damaged + one) == one.size());
    }
    CHECK(whole_bytes_of_manifest(one + std::string(100, '\0')) == one.size());
}

TEST_CASE("manifest_tail: an edit in parts goes as one, over the end of a block") {
    const auto one = record(1, "edit");
    const auto filler = record(2, std::string(32'768 - one.size() - 7, 'a'));
    const auto end = record(4, std::string(50, 'b'));
    REQUIRE(one.size() + filler.size() == 32'768);
    CHECK(whole_bytes_of_manifest(one + filler + end) == 32'768 + end.size());
    CHECK(whole_bytes_of_manifest(one + filler + end.substr(0, 30)) == one.size());
    CHECK(whole_bytes_of_manifest(one + filler) == one.size());
    CHECK(whole_bytes_of_manifest(one + end) == one.size());          // a last part of nothing
    CHECK(whole_bytes_of_manifest(one + filler + one) == one.size()); // parts without their last
}

TEST_CASE("manifest_tail: the rest of a block that holds no record is zeros") {
    const auto block = record(1, std::string(32'768 - 7 - 3, 'a'));
    const auto next = record(1, "later");
    CHECK(whole_bytes_of_manifest(block + std::string(3, '\0') + next) == 32'768 + next.size());
    CHECK(whole_bytes_of_manifest(block + std::string{"\0x\0", 3} + next) == block.size());
}

TEST_CASE("manifest_tail: a note comes back as it was, and no other text is one") {
    const manifest_note note{"MANIFEST-000005", 1'234};
    const auto text = encode(note);
    CHECK(text == "MANIFEST-000005 1234 " + std::to_string(protocol::crc32("MANIFEST-000005 1234")) + "\n");
    CHECK(decode_manifest_note(text) == note);
    for (std::size_t at = 0; at < text.size(); ++at) {
        auto bad = text;
        bad[at] = static_cast<char>(bad[at] ^ 0x02);
        CHECK_FALSE(decode_manifest_note(bad).has_value());
        CHECK_FALSE(decode_manifest_note(text.substr(0, at)).has_value());
    }
    CHECK_FALSE(decode_manifest_note(text + "x").has_value());
}

TEST_CASE("manifest_tail: an end is cut behind what the note says is synced, and nowhere else") {
    const auto one = record(1, "first edit");
    const auto two = record(1, "second edit, longer");
    const auto files = fault_file_system::make(3);
    CHECK(mend_manifest(*files, "/db", "fix").value() == false); // no database
    files->put("/db/CURRENT", "MANIFEST-000005\n");
    CHECK(mend_manifest(*files, "/db", "fix").code() == errc::corrupt); // no such file
    const auto mend = [&](const std::string& bytes) {
        files->put("/db/MANIFEST-000005", bytes);
        return mend_manifest(*files, "/db", "do this");
    };
    CHECK(mend(one + two).value() == false);
    CHECK(mend(one + two.substr(0, 9)).code() == errc::corrupt); // nothing says that it was not synced
    REQUIRE(note_synced_manifest(*files, "/db/MANIFEST-000004", 10).ok());
    CHECK(mend(one + two.substr(0, 9)).code() == errc::corrupt);
    REQUIRE(note_synced_manifest(*files, "/db/MANIFEST-000005", one.size()).ok());
    CHECK(mend(one + two).value() == false);
    CHECK(*files->content("/db/MANIFEST-000005") == one + two);
    CHECK(mend(one + two.substr(0, 9)).value() == true);
    CHECK(*files->content("/db/MANIFEST-000005") == one);
    CHECK(mend(one + two.substr(0, 9) + std::string(20, '\0') + one).value() == true); // sectors are lost in any order
    CHECK(*files->content("/db/MANIFEST-000005") == one);
    const auto refused = mend(one.substr(0, one.size() - 1));
    REQUIRE(refused.code() == errc::corrupt);
    CHECK(refused.failure().text == "/db/MANIFEST-000005 is damaged: at byte 0 is no whole record, and " + std::to_string(one.size()) +
                                        " bytes of it were synced; do this");
    files->put("/db/CURRENT", "nonsense");
    CHECK(mend_manifest(*files, "/db", "fix").code() == errc::corrupt);
}
