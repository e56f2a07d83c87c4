#include "config/delay_levels.hpp"

#include "config/load_config.hpp"
#include "config/option_table.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::config;
using namespace std::chrono_literals;

TEST_CASE("delay levels are delays in a row, and the usual ones are RocketMQ's") {
    CHECK(*parse_delay_levels("1s 5m  2h ") == std::vector<std::chrono::milliseconds>{1s, 5min, 2h});
    const auto usual = parse_delay_levels(default_config().broker.delay_levels);
    REQUIRE(usual);
    REQUIRE(usual->size() == 18);
    CHECK(usual->front() == 1s);
    CHECK(usual->at(2) == 10s);
    CHECK(usual->back() == 2h);
}

TEST_CASE("what is wrong with delay levels is said") {
    CHECK(parse_delay_levels("1s 5").failure().text.find("level 2") != std::string::npos);
    CHECK(parse_delay_levels("0s").failure().text == "level 1 is no delay; write 1ms or more");
    CHECK(parse_delay_levels("").failure().text.find("1 to 64 delays") != std::string::npos);
    std::string many;
    for (int i = 0; i < 64; ++i)
        many += "1s ";
    CHECK(parse_delay_levels(many).ok());
    CHECK(parse_delay_levels(many + "1s").failure().text.find("has 65 levels") != std::string::npos);
}
