#include "filter/expression.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <string>

// The input is an expression, a zero byte, and the property string of a message.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto split = std::min(bytes.find('\0'), bytes.size());
    const auto text = bytes.substr(0, split);
    const auto properties = bytes.substr(std::min(split + 1, bytes.size()));
    const auto compiled = filter::expression::parse(text);
    if (!compiled) {
        fuzz::require(compiled.code() == errc::subscription_illegal, "a failure has the documented code");
        fuzz::require(compiled.failure().text.rfind("column ", 0) == 0, "a failure says where");
        return;
    }
    fuzz::require(compiled->properties().size() <= limits::expression_properties_max, "the number of properties is bounded");
    const auto given = compiled->evaluate(properties);
    fuzz::require(compiled->matches(properties) == (given == filter::truth::yes), "only yes is a match");
    if (text.size() + 6 > limits::expression_bytes_max)
        return;
    // Parentheses change nothing, and NOT turns the outcome around.
    const auto inverse = filter::expression::parse("NOT (" + std::string{text} + "\n)");
    if (inverse) {
        const auto turned = inverse->evaluate(properties);
        fuzz::require((turned == filter::truth::yes) == (given == filter::truth::no), "NOT of no is yes");
        fuzz::require((turned == filter::truth::no) == (given == filter::truth::yes), "NOT of yes is no");
    } else {
        fuzz::require(inverse.failure().text.find("nested") != std::string::npos, "only one level too many stops NOT ( )");
    }
}
