#pragma once

#include "filter/expression.hpp"
#include "filter/internal/number.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The compiled form of an expression: a tree whose leaves are comparisons. The parser makes it, and it never changes.
namespace troupe::filter {

struct condition;

/// A property, by its place among the values that an evaluation is given.
struct property_slot {
    std::size_t index = 0;
};

/// What a comparison compares. A `truth` is one of the literals FALSE, NULL and TRUE.
using operand = std::variant<property_slot, std::string, number, truth, std::shared_ptr<const condition>>;

enum class relation : std::uint8_t { equal, not_equal, greater, greater_or_equal, less, less_or_equal };
enum class text_place : std::uint8_t { anywhere, start, end };

struct constant {
    truth value = truth::unknown;
};
struct conjunction {
    std::vector<condition> parts;
};
struct disjunction {
    std::vector<condition> parts;
};
struct negation {
    std::shared_ptr<const condition> of;
};
struct comparison {
    relation by = relation::equal;
    operand left;
    operand right;
};
/// [NOT] BETWEEN
struct range {
    bool inverted = false;
    operand value;
    operand low;
    operand high;
};
/// [NOT] IN; the texts are sorted.
struct membership {
    bool inverted = false;
    property_slot property;
    std::vector<std::string> texts;
};
/// [NOT] CONTAINS, STARTSWITH, ENDSWITH
struct text_search {
    bool inverted = false;
    text_place place = text_place::anywhere;
    operand in; ///< a property or a text
    std::string part;
};
/// IS [NOT] NULL
struct null_test {
    bool inverted = false;
    operand of;
};

struct condition {
    std::variant<constant, conjunction, disjunction, negation, comparison, range, membership, text_search, null_test> test;
};

/// values[i] is the value of the property with slot i.
truth evaluate(const condition& test, std::span<const std::optional<std::string_view>> values);

} // namespace troupe::filter
