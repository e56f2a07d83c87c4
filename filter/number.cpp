#include "filter/internal/number.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace troupe::filter {

namespace {

constexpr double two_to_63 = 9223372036854775808.0;

template <class T>
int order(T left, T right) {
    return left < right ? -1 : (right < left ? 1 : 0);
}

int compare_mixed(std::int64_t left, double right) {
    if (right >= two_to_63)
        return -1;
    if (right < -two_to_63)
        return 1;
    const auto whole = std::trunc(right);
    const auto by_whole = order(left, static_cast<std::int64_t>(whole));
    return by_whole != 0 ? by_whole : order(whole, right);
}

} // namespace

std::optional<number> read_number(std::string_view text) {
    const bool signed_text = !text.empty() && (text.front() == '+' || text.front() == '-');
    const bool negative = signed_text && text.front() == '-';
    const auto unsigned_text = text.substr(signed_text ? 1 : 0);
    // from_chars would also read "inf" and "nan".
    if (unsigned_text.empty() || !((unsigned_text.front() >= '0' && unsigned_text.front() <= '9') || unsigned_text.front() == '.'))
        return std::nullopt;
    const auto* first = negative ? text.data() : unsigned_text.data();
    const auto* last = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto end = std::from_chars(first, last, whole); end.ec == std::errc{} && end.ptr == last)
        return number{whole};
    double real = 0;
    if (const auto end = std::from_chars(first, last, real, std::chars_format::general); end.ec == std::errc{} && end.ptr == last)
        return number{real};
    return std::nullopt;
}

int compare(number left, number right) {
    const auto* left_whole = std::get_if<std::int64_t>(&left);
    const auto* right_whole = std::get_if<std::int64_t>(&right);
    if (left_whole != nullptr && right_whole != nullptr)
        return order(*left_whole, *right_whole);
    if (left_whole != nullptr)
        return compare_mixed(*left_whole, std::get<double>(right));
    if (right_whole != nullptr)
        return -compare_mixed(*right_whole, std::get<double>(left));
    return order(std::get<double>(left), std::get<double>(right));
}

number negated(number value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value); whole != nullptr && *whole != std::numeric_limits<std::int64_t>::min())
        return number{-*whole};
    return std::visit([](auto any) { return number{-static_cast<double>(any)}; }, value);
}

} // namespace troupe::filter
