#include "filter/expression.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using filter::expression;

namespace {

std::string refusal_of(const std::string& text) {
    const auto compiled = expression::parse(text);
    if (compiled)
        return "accepted";
    CHECK(compiled.code() == errc::subscription_illegal);
    return compiled.failure().text;
}

std::string repeated(const std::string& piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i)
        text += piece;
    return text;
}

} // namespace

TEST_CASE("expression: a refusal says where, what was expected, what is there and what helps") {
    CHECK(refusal_of("") == "column 1: expected a condition, found the end");
    CHECK(refusal_of("a >") == "column 4: expected a property, a number, a text in single quotes, TRUE or FALSE, found the end");
    CHECK(refusal_of("a > 5 garbage") == "column 7: expected AND, OR or the end, found garbage");
    CHECK(refusal_of("a != 5") == "column 3: expected AND, OR or the end, found !; not equal is written <>");
    CHECK(refusal_of("a == 5") ==
          "column 4: expected a property, a number, a text in single quotes, TRUE or FALSE, found =; equal is written with one =");
    CHECK(refusal_of("a = \"x\"") ==
          "column 5: expected a property, a number, a text in single quotes, TRUE or FALSE, found \"; texts stand in single quotes");
    CHECK(refusal_of("a > 5 && b > 5") == "column 7: expected AND, OR or the end, found &; and is written AND");
    CHECK(refusal_of("a > 5 || b > 5") == "column 7: expected AND, OR or the end, found |; or is written OR");
    CHECK(refusal_of("a liKe 'x%'") ==
          "column 3: expected AND, OR or the end, found liKe; there is no LIKE, but CONTAINS, STARTSWITH and ENDSWITH");
    CHECK(refusal_of("a + 1 > 5") == "column 3: expected AND, OR or the end, found +; there is no arithmetic, and the names of properties "
                                     "consist of letters, digits, _ and $");
    CHECK(refusal_of("a = 'x") == "column 7: expected a single quote at the end of the text, found the end");
    CHECK(refusal_of("a = 5 /* x") == "column 7: expected AND, OR or the end, found a comment without */");
    CHECK(refusal_of("a = 5x") == "column 6: expected the end of the number, found x");
    CHECK(refusal_of("(a = 5") == "column 7: expected AND, OR or ), found the end");
    CHECK(refusal_of("a BETWEEN 1 OR 2") == "column 13: expected AND and the second bound, found OR");
    CHECK(refusal_of("a BETWEEN 1 android") == "column 13: expected AND and the second bound, found android");
    CHECK(refusal_of("a IN 'x'") == "column 6: expected ( and texts, found a text");
    CHECK(refusal_of("a IN (1, 2)") == "column 7: expected a text in single quotes, found 1");
    CHECK(refusal_of("a IN ('x' 'y')") == "column 11: expected a comma or ), found a text");
    CHECK(refusal_of("a CONTAINS b") == "column 12: expected a text in single quotes, found b");
    CHECK(refusal_of("a IS 5") == "column 6: expected NULL, found 5");
    CHECK(refusal_of("a NOT 5") == "column 7: expected BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH, found 5");
    CHECK(refusal_of(std::string{"a = 5 \0", 7}) == "column 7: expected AND, OR or the end, found a control character");
}

TEST_CASE("expression: a refusal of what is well formed but means nothing says where and why") {
    CHECK(refusal_of("b = 1 AND a") ==
          "column 11: a property alone is no condition; write what it shall be, for example \"= TRUE\" or \"IS NOT NULL\"");
    CHECK(refusal_of("'x'") == "column 1: a text alone is no condition");
    CHECK(refusal_of("a > 'x'") == "column 5: only numbers and properties have an order, and this is a text");
    CHECK(refusal_of("(a = 5) > 3") == "column 2: only numbers and properties have an order, and this is a condition");
    CHECK(refusal_of("a = NULL") == "column 5: nothing equals NULL; write IS NULL or IS NOT NULL");
    CHECK(refusal_of("1 = TRUE") == "column 5: a number cannot be compared with TRUE or FALSE");
    CHECK(refusal_of("a BETWEEN 10 AND 2") == "column 11: nothing lies between these bounds: the first is greater than the second");
    CHECK(refusal_of("5 IN ('5')") == "column 1: before IN stands a property, not a number");
    CHECK(refusal_of("5 CONTAINS '5'") == "column 1: only a property or a text has parts, and this is a number");
    CHECK(refusal_of("a > -b") == "column 5: a sign stands before a number, and this is a property");
    CHECK(refusal_of("a = 007") == "column 5: a whole number does not begin with 0");
    CHECK(refusal_of("a = 9223372036854775808") == "column 5: a whole number can be 9223372036854775807 at most");
    CHECK(refusal_of("a = 1e400") == "column 5: this number is beyond the range of a double");
}

TEST_CASE("expression: columns count characters over all lines, not bytes") {
    CHECK(refusal_of("a = 'größe' b") == "column 13: expected AND, OR or the end, found b");
    CHECK(refusal_of("a = 5\nAND ü = 5").rfind("column 11: expected ", 0) == 0);
    CHECK(refusal_of("a = 5\nAND ü = 5").find("found ü; there is no arithmetic") != std::string::npos);
}

TEST_CASE("expression: nesting is bounded, and one level less is accepted") {
    const auto deepest = limits::expression_nesting_max;
    CHECK(refusal_of(repeated("(", deepest) + "a = 1" + repeated(")", deepest)) == "accepted");
    CHECK(refusal_of(repeated("(", deepest + 1) + "a = 1" + repeated(")", deepest + 1)) ==
          "column 66: parentheses, NOT and signs can be nested 64 deep");
    CHECK(refusal_of(repeated("NOT ", deepest) + "a = 1") == "accepted");
    CHECK(refusal_of(repeated("NOT ", deepest + 1) + "a = 1") == "column 261: parentheses, NOT and signs can be nested 64 deep");
    CHECK(refusal_of("a = " + repeated("- ", deepest) + "1") == "accepted");
    CHECK(refusal_of("a = " + repeated("- ", deepest + 1) + "1") == "column 135: parentheses, NOT and signs can be nested 64 deep");
    // One after the other is not one in the other.
    CHECK(refusal_of("(a = 1)" + repeated(" OR (a = 1)", 300)) == "accepted");
}

TEST_CASE("expression: its length and the number of its properties are bounded") {
    const std::string start = "a = '";
    CHECK(refusal_of(start + std::string(limits::expression_bytes_max - start.size() - 1, 'x') + "'") == "accepted");
    CHECK(refusal_of(start + std::string(limits::expression_bytes_max - start.size(), 'x') + "'") ==
          "column 4097: an expression can have 4096 bytes");
    std::string many = "p0 = 1 OR p0 = 2";
    for (std::size_t i = 1; i < limits::expression_properties_max; ++i)
        many += " OR p" + std::to_string(i) + " = 1";
    CHECK(refusal_of(many) == "accepted");
    CHECK(refusal_of(many + " OR q = 1") ==
          "column " + std::to_string(many.size() + 5) + ": an expression can name 64 different properties");
}
