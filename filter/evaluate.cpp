#include "filter/internal/condition.hpp"

#include <algorithm>
#include <cstring>

namespace troupe::filter {

namespace {

using property_values = std::span<const std::optional<std::string_view>>;
/// What an operand is for one message; monostate is null.
using value = std::variant<std::monostate, std::string_view, number, truth>;

truth as_truth(bool holds) {
    return holds ? truth::yes : truth::no;
}

truth inverse(truth of) {
    return of == truth::unknown ? truth::unknown : as_truth(of == truth::no);
}

truth inverse_if(bool inverted, truth of) {
    return inverted ? inverse(of) : of;
}

struct value_reader {
    property_values values;

    value operator()(property_slot slot) const {
        const auto& text = values[slot.index];
        return text ? value{*text} : value{};
    }
    value operator()(const std::string& text) const { return std::string_view{text}; }
    value operator()(number literal) const { return literal; }
    value operator()(truth literal) const { return literal == truth::unknown ? value{} : value{literal}; }
    value operator()(const std::shared_ptr<const condition>& inner) const { return (*this)(evaluate(*inner, values)); }
};

value read(const operand& from, property_values values) {
    return std::visit(value_reader{values}, from);
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\n\r\f\v";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The number that a value is or spells; blanks around it do not count.
std::optional<number> number_of(const value& from) {
    if (const auto* literal = std::get_if<number>(&from))
        return *literal;
    if (const auto* text = std::get_if<std::string_view>(&from))
        return read_number(without_blanks(*text));
    return std::nullopt;
}

/// RocketMQ's rule for texts: "true" in any case, and nothing else, is true.
bool spells_true(std::string_view text) {
    constexpr std::string_view word = "true";
    return text.size() == word.size() && std::equal(text.begin(), text.end(), word.begin(), [](char given, char wanted) {
               return given == wanted || (given >= 'A' && given <= 'Z' && given - 'A' + 'a' == wanted);
           });
}

bool truth_of(const value& from) {
    if (const auto* literal = std::get_if<truth>(&from))
        return *literal == truth::yes;
    return spells_true(std::get<std::string_view>(from));
}

truth equal(const value& left, const value& right) {
    const bool left_null = std::holds_alternative<std::monostate>(left);
    const bool right_null = std::holds_alternative<std::monostate>(right);
    // RocketMQ's rule for missing values, which is not SQL's.
    if (left_null || right_null)
        return left_null && right_null ? truth::yes : (left_null ? truth::unknown : truth::no);
    if (std::holds_alternative<truth>(left) || std::holds_alternative<truth>(right))
        return as_truth(truth_of(left) == truth_of(right));
    const auto* left_text = std::get_if<std::string_view>(&left);
    const auto* right_text = std::get_if<std::string_view>(&right);
    if (left_text != nullptr && right_text != nullptr)
        return as_truth(*left_text == *right_text);
    const auto left_number = number_of(left);
    const auto right_number = number_of(right);
    return left_number && right_number ? as_truth(compare(*left_number, *right_number) == 0) : truth::unknown;
}

truth ordered(relation by, const value& left, const value& right) {
    const auto left_number = number_of(left);
    const auto right_number = number_of(right);
    if (!left_number || !right_number)
        return truth::unknown;
    const auto order = compare(*left_number, *right_number);
    switch (by) {
    case relation::greater: return as_truth(order > 0);
    case relation::greater_or_equal: return as_truth(order >= 0);
    case relation::less: return as_truth(order < 0);
    default: return as_truth(order <= 0);
    }
}

bool holds_part(std::string_view text, const text_search& wanted) {
    const std::string_view part = wanted.part;
    switch (wanted.place) {
    case text_place::start: return text.starts_with(part);
    case text_place::end: return text.ends_with(part);
    default:
        // memmem takes linear time, whatever the texts; std::string_view::find may take their product.
        return ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
    }
}

struct evaluator {
    property_values values;

    truth operator()(const constant& test) const { return test.value; }

    truth operator()(const conjunction& test) const {
        auto all = truth::yes;
        for (const auto& part : test.parts) {
            all = std::min(all, evaluate(part, values));
            if (all == truth::no)
                break;
        }
        return all;
    }

    truth operator()(const disjunction& test) const {
        auto any = truth::no;
        for (const auto& part : test.parts) {
            any = std::max(any, evaluate(part, values));
            if (any == truth::yes)
                break;
        }
        return any;
    }

    truth operator()(const negation& test) const { return inverse(evaluate(*test.of, values)); }

    truth operator()(const comparison& test) const {
        const auto left = read(test.left, values);
        const auto right = read(test.right, values);
        if (test.by == relation::equal || test.by == relation::not_equal)
            return inverse_if(test.by == relation::not_equal, equal(left, right));
        return ordered(test.by, left, right);
    }

    truth operator()(const range& test) const {
        const auto of = read(test.value, values);
        const auto above = ordered(relation::greater_or_equal, of, read(test.low, values));
        const auto below = ordered(relation::less_or_equal, of, read(test.high, values));
        return inverse_if(test.inverted, std::min(above, below));
    }

    truth operator()(const membership& test) const {
        const auto& text = values[test.property.index];
        if (!text)
            return truth::unknown;
        return inverse_if(test.inverted, as_truth(std::binary_search(test.texts.begin(), test.texts.end(), *text, std::less<>{})));
    }

    truth operator()(const text_search& test) const {
        const auto of = read(test.in, values);
        const auto* text = std::get_if<std::string_view>(&of);
        // RocketMQ's rule: a missing property and an empty part make both forms false.
        if (text == nullptr || test.part.empty())
            return truth::no;
        return as_truth(holds_part(*text, test) != test.inverted);
    }

    truth operator()(const null_test& test) const {
        const bool null = std::holds_alternative<std::monostate>(read(test.of, values));
        return as_truth(null != test.inverted);
    }
};

} // namespace

truth evaluate(const condition& test, std::span<const std::optional<std::string_view>> values) {
    return std::visit(evaluator{values}, test.test);
}

} // namespace troupe::filter
