#include "filter/internal/number.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace troupe::filter;

namespace {

constexpr auto whole_max = std::numeric_limits<std::int64_t>::max();
constexpr auto whole_min = std::numeric_limits<std::int64_t>::min();

} // namespace

TEST_CASE("read_number: whole numbers of 64 bits stay exact, what is beyond becomes a double") {
    CHECK(read_number("0") == number{std::int64_t{0}});
    CHECK(read_number("-0") == number{std::int64_t{0}});
    CHECK(read_number("+7") == number{std::int64_t{7}});
    CHECK(read_number("0012") == number{std::int64_t{12}});
    CHECK(read_number("9223372036854775807") == number{whole_max});
    CHECK(read_number("-9223372036854775808") == number{whole_min});
    CHECK(read_number("9223372036854775808") == number{9223372036854775808.0});
    CHECK(read_number("-1e3") == number{-1000.0});
    CHECK(read_number("5.") == number{5.0});
    CHECK(read_number(".5") == number{0.5});
    CHECK(read_number("+.5e1") == number{5.0});
}

TEST_CASE("read_number: what is not wholly a decimal number is none") {
    for (const char* text : {"",   "+",   "-",   ".",    "+-5", "--5",      " 5",  "5 ",    "5x", "0x10",  "1e",     "1e+",
                             "e5", "nan", "inf", "-inf", "NaN", "Infinity", "1,5", "1.2.3", "5d", "1e400", "-1e400", "1e-400"}) {
        CAPTURE(text);
        CHECK_FALSE(read_number(text));
    }
    CHECK_FALSE(read_number(std::string{"5\0", 2}));
}

TEST_CASE("compare: whole numbers and doubles compare by value, not by what a double can hold") {
    CHECK(compare(std::int64_t{9007199254740993}, 9007199254740992.0) > 0);
    CHECK(compare(9007199254740992.0, std::int64_t{9007199254740993}) < 0);
    CHECK(compare(std::int64_t{5}, 5.0) == 0);
    CHECK(compare(std::int64_t{5}, 5.5) < 0);
    CHECK(compare(std::int64_t{-5}, -5.5) > 0);
    CHECK(compare(-5.5, std::int64_t{-5}) < 0);
    CHECK(compare(whole_max, 9223372036854775808.0) < 0);
    CHECK(compare(whole_min, -9223372036854775808.0) == 0);
    CHECK(compare(whole_min, -1e300) > 0);
    CHECK(compare(0.0, -0.0) == 0);
    CHECK(compare(1.5, 2.5) < 0);
    CHECK(compare(whole_max, whole_min) > 0);
}

TEST_CASE("negated: the smallest whole number becomes a double instead of overflowing") {
    CHECK(negated(std::int64_t{5}) == number{std::int64_t{-5}});
    CHECK(negated(-2.5) == number{2.5});
    CHECK(negated(whole_min) == number{9223372036854775808.0});
}
