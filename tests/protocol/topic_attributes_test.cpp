#include "protocol/topic_attributes.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

namespace {

using attributes = std::map<std::string, std::string>;

result<attributes> changed(const attributes& current, bool is_new, std::string_view text) {
    const auto changes = parse_attribute_changes(text);
    REQUIRE(changes.ok());
    return apply_attribute_changes("T", current, is_new, *changes);
}

} // namespace

TEST_CASE("changes of attributes are read from +name=value and -name") {
    CHECK(parse_attribute_changes("").value().empty());
    CHECK(parse_attribute_changes("+message.type=FIFO,-reserve.time").value() ==
          std::vector<attribute_change>{{"message.type", "FIFO", false}, {"reserve.time", "", true}});
    for (const char* wrong : {"message.type=FIFO", "+message.type", "+message.type=", "+=FIFO", "-", "+", "+a=b=c", "+a=b c", "+a+b=c",
                              "+a=b,,+c=d", "+a=b,+a=c", "+a=b,-a", "+a=b, -c"})
        CHECK_MESSAGE(parse_attribute_changes(wrong).code() == errc::argument_illegal, wrong);
}

// Goal: a header of a few megabytes must not keep a thread busy for minutes.
TEST_CASE("no request changes more attributes than there could ever be") {
    std::string text;
    for (std::size_t i = 0; i < attribute_changes_max; ++i)
        text += (text.empty() ? "+a" : ",+a") + std::to_string(i) + "=1";
    CHECK(parse_attribute_changes(text).value().size() == attribute_changes_max);
    CHECK(parse_attribute_changes(text + ",+b=1").code() == errc::argument_illegal);
}

TEST_CASE("attributes that are not named stay, those that are named change or go") {
    CHECK(changed({}, true, "+message.type=FIFO").value() == attributes{{"message.type", "FIFO"}});
    CHECK(changed({{"message.type", "FIFO"}}, false, "").value() == attributes{{"message.type", "FIFO"}});
    CHECK(changed({{"message.type", "FIFO"}, {"reserve.time", "-1"}}, false, "+message.type=NORMAL").value() ==
          attributes{{"message.type", "NORMAL"}, {"reserve.time", "-1"}});
    CHECK(changed({{"message.type", "FIFO"}}, false, "-message.type").value().empty());
}

TEST_CASE("an attribute that is unknown, not there, or has a value that would do nothing is refused by name") {
    for (const char* wrong : {"+colour=red", "-message.type", "+message.type=MIXED", "+message.type=fifo", "+queue.type=BatchCQ",
                              "+cleanup.policy=COMPACTION", "+reserve.time=3600", "+quota.send.messages=-1", "+quota.send.messages=1.5",
                              "+quota.send.bytes=4MiB", "+retention.ms=1h", "+quota.send.bytes=9223372036854775808"}) {
        const auto outcome = changed({}, false, wrong);
        REQUIRE_MESSAGE(outcome.code() == errc::argument_illegal, wrong);
        CHECK(outcome.failure().text.find("topic T") != std::string::npos);
    }
    CHECK(changed({}, true, "-message.type").failure().text.find("new") != std::string::npos);
}

TEST_CASE("what is fixed at creation may be repeated, not changed") {
    CHECK(changed({}, true, "+queue.type=SimpleCQ").value() == attributes{{"queue.type", "SimpleCQ"}});
    CHECK(changed({{"queue.type", "SimpleCQ"}}, false, "+queue.type=SimpleCQ").ok());
    CHECK(changed({}, false, "+queue.type=SimpleCQ").code() == errc::argument_illegal);
    CHECK(changed({{"queue.type", "SimpleCQ"}}, false, "-queue.type").code() == errc::argument_illegal);
}

TEST_CASE("quotas are whole numbers, which may change at any time") {
    CHECK(changed({}, true, "+quota.send.messages=100,+quota.send.bytes=9223372036854775807").value() ==
          attributes{{"quota.send.messages", "100"}, {"quota.send.bytes", "9223372036854775807"}});
    CHECK(changed({{"quota.send.messages", "100"}}, false, "+quota.send.messages=0").value() == attributes{{"quota.send.messages", "0"}});
    CHECK(changed({{"quota.send.messages", "100"}}, false, "-quota.send.messages").value().empty());
    CHECK(number_attribute({{"quota.send.messages", "100"}}, topic_attribute::send_messages) == 100);
    CHECK(number_attribute({{"quota.send.messages", "many"}}, topic_attribute::send_messages) == 0);
    CHECK(number_attribute({}, topic_attribute::send_messages) == 0);
}
