#include "protocol/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace troupe::protocol {

namespace {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool ends_plain_text(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_utf8(std::string& out, std::uint32_t character) {
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((character >> shift) & 0x3F))); };
    if (character < 0x80) {
        out.push_back(static_cast<char>(character));
    } else if (character < 0x800) {
        out.push_back(static_cast<char>(0xC0 | (character >> 6)));
        tail(0);
    } else if (character < 0x10000) {
        out.push_back(static_cast<char>(0xE0 | (character >> 12)));
        tail(6), tail(0);
    } else {
        out.push_back(static_cast<char>(0xF0 | (character >> 18)));
        tail(12), tail(6), tail(0);
    }
}

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
    Number x{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x);
    return problem == std::errc{} && end == text.data() + text.size() ? std::optional{x} : std::nullopt;
}

/// "7", and "7.0" or "7E3" as long as a double holds it exactly.
std::optional<std::int64_t> parse_integer(std::string_view text) {
    if (const auto plain = parse_whole<std::int64_t>(text))
        return plain;
    constexpr double exact_max = 9007199254740992.0;
    const auto real = parse_whole<double>(text);
    if (real && std::abs(*real) <= exact_max && std::trunc(*real) == *real)
        return static_cast<std::int64_t>(*real);
    return std::nullopt;
}

bool is_true(std::string_view text) {
    constexpr std::string_view word = "true";
    return std::equal(text.begin(), text.end(), word.begin(), word.end(), [](char x, char y) { return (x | 0x20) == y; });
}

} // namespace

json_kind json_reader::peek() {
    skip_space();
    if (failed_ || at_ == document_.size())
        return json_kind::none;
    switch (const char c = document_[at_]) {
    case '{': return json_kind::object;
    case '[': return json_kind::array;
    case '"': return json_kind::text;
    case 't':
    case 'f': return json_kind::boolean;
    case 'n': return json_kind::null;
    default: return c == '-' || is_digit(c) ? json_kind::number : json_kind::none;
    }
}

std::string json_reader::text() {
    if (peek() != json_kind::text) {
        const bool is_null = peek() == json_kind::null;
        const auto written = skip();
        return is_null ? std::string{} : std::string{written};
    }
    std::string buffer;
    const auto view = read_string(buffer);
    // Without escapes the view lies in the document, otherwise it is the buffer.
    if (view.data() != buffer.data())
        buffer.assign(view);
    return buffer;
}

bool json_reader::boolean() {
    switch (peek()) {
    case json_kind::number: return real() != 0;
    case json_kind::null: return skip(), false;
    case json_kind::boolean:
    case json_kind::text: return is_true(text());
    default: return fail("a boolean is expected"), false;
    }
}

double json_reader::real() {
    switch (peek()) {
    case json_kind::null: return skip(), 0;
    case json_kind::number: {
        const auto x = parse_whole<double>(read_number());
        return x ? *x : (fail("a number is out of range"), 0);
    }
    case json_kind::text: {
        const auto x = parse_whole<double>(text());
        return x && std::isfinite(*x) ? *x : (fail("a number is expected"), 0);
    }
    default: return fail("a number is expected"), 0;
    }
}

std::int64_t json_reader::wide_integer() {
    switch (peek()) {
    case json_kind::null: return skip(), 0;
    case json_kind::number: {
        const auto x = parse_integer(read_number());
        return x ? *x : (fail("a whole number is expected"), 0);
    }
    case json_kind::text: {
        std::string buffer;
        const auto written = read_string(buffer);
        const auto x = written.empty() ? std::optional<std::int64_t>{0} : parse_integer(written);
        return x ? *x : (fail("a whole number is expected"), 0);
    }
    default: return fail("a whole number is expected"), 0;
    }
}

std::string_view json_reader::skip() {
    const auto kind = peek(); // passes the space in front
    const auto first = at_;
    switch (kind) {
    case json_kind::object: object([this](std::string_view) { skip(); }); break;
    case json_kind::array: array([this] { skip(); }); break;
    case json_kind::text: {
        std::string buffer;
        read_string(buffer);
        break;
    }
    case json_kind::number: read_number(); break;
    case json_kind::boolean:
        if (!read_word("true"))
            read_word("false");
        break;
    case json_kind::null: read_word("null"); break;
    case json_kind::none: break;
    }
    if (!failed_ && at_ == first)
        fail("a value is expected");
    return failed_ ? std::string_view{} : document_.substr(first, at_ - first);
}

void json_reader::skip_member(std::string_view key) {
    if (key == "$ref")
        fail("a reference to another value is not supported");
    skip();
}

void json_reader::fail(std::string_view what) {
    if (failed_)
        return;
    failed_ = true;
    failure_ = std::string{what} + " at byte " + std::to_string(at_) + " of " + std::to_string(document_.size());
}

result<void> json_reader::finish(std::string_view name) {
    skip_space();
    if (!failed_ && at_ != document_.size())
        fail("something follows the value");
    if (failed_)
        return error{errc::protocol_error, std::string{name} + ": " + failure_};
    return {};
}

void json_reader::skip_space() {
    while (at_ < document_.size() && (document_[at_] == ' ' || document_[at_] == '\n' || document_[at_] == '\r' || document_[at_] == '\t'))
        ++at_;
}

bool json_reader::accept(char c) {
    skip_space();
    if (failed_ || at_ == document_.size() || document_[at_] != c)
        return false;
    ++at_;
    return true;
}

bool json_reader::enter(char open, char close) {
    if (peek() == json_kind::null) {
        read_word("null");
        return false;
    }
    if (!accept(open)) {
        fail(open == '{' ? "an object is expected" : "an array is expected");
        return false;
    }
    if (accept(close))
        return false;
    if (++depth_ > depth_max)
        fail("values are nested too deep");
    return !failed_;
}

bool json_reader::next_in(char close) {
    if (++values_ > values_max)
        fail("there are too many values");
    if (accept(','))
        return true;
    if (!accept(close))
        fail(close == '}' ? "a comma or } is expected" : "a comma or ] is expected");
    --depth_;
    return false;
}

std::string_view json_reader::read_key(std::string& buffer) {
    std::string_view key;
    switch (peek()) {
    case json_kind::text: key = read_string(buffer); break;
    case json_kind::object: key = skip(); break;
    case json_kind::number: key = read_number(); break;
    default: fail("a key is expected"); break;
    }
    if (!failed_ && !accept(':'))
        fail("a colon is expected");
    return key;
}

std::string_view json_reader::read_string(std::string& buffer) {
    const auto first = ++at_; // past the quote, which the caller has seen
    const auto plain_end = [this](std::size_t from) {
        return static_cast<std::size_t>(
            std::find_if(document_.begin() + static_cast<std::ptrdiff_t>(from), document_.end(), ends_plain_text) - document_.begin());
    };
    at_ = plain_end(first);
    if (at_ < document_.size() && document_[at_] == '"')
        return document_.substr(first, at_++ - first);
    buffer.assign(document_, first, at_ - first);
    while (at_ < document_.size() && document_[at_] == '\\' && !failed_) {
        ++at_;
        read_escape(buffer);
        const auto plain = at_;
        at_ = plain_end(plain);
        buffer.append(document_, plain, at_ - plain);
    }
    if (at_ < document_.size() && document_[at_] == '"' && !failed_)
        ++at_;
    else
        fail("a string has a control character or no end");
    return buffer;
}

void json_reader::read_escape(std::string& buffer) {
    if (at_ == document_.size())
        return;
    const char c = document_[at_++];
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (const auto place = names.find(c); place != std::string_view::npos) {
        buffer.push_back(meanings[place]);
        return;
    }
    if (c != 'u')
        return fail("a string has an unknown escape");
    constexpr std::uint32_t replacement = 0xFFFD; // Java writes lone halves of a pair; UTF-8 has no form for them
    std::uint32_t character = read_hex4();
    if (character >= 0xD800 && character < 0xDC00 && document_.substr(at_, 2) == "\\u") {
        const auto before_second = at_;
        at_ += 2;
        const std::uint32_t second = read_hex4();
        if (second >= 0xDC00 && second < 0xE000)
            character = 0x10000 + ((character - 0xD800) << 10) + (second - 0xDC00);
        else
            at_ = before_second;
    }
    append_utf8(buffer, character >= 0xD800 && character < 0xE000 ? replacement : character);
}

std::uint32_t json_reader::read_hex4() {
    const auto digits = document_.substr(at_, 4);
    std::uint32_t x = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), x, 16);
    if (digits.size() < 4 || problem != std::errc{} || end != digits.data() + 4) {
        fail("a string has a \\u without four hex digits");
        return 0;
    }
    at_ += 4;
    return x;
}

std::string_view json_reader::read_number() {
    const auto first = at_;
    const auto digits = [this] {
        const auto before = at_;
        while (at_ < document_.size() && is_digit(document_[at_]))
            ++at_;
        return at_ != before;
    };
    const auto at_one_of = [this](std::string_view set) {
        return at_ < document_.size() && set.find(document_[at_]) != std::string_view::npos;
    };
    if (at_one_of("-"))
        ++at_;
    bool fine = digits();
    if (fine && at_one_of(".")) {
        ++at_;
        fine = digits();
    }
    if (fine && at_one_of("eE")) {
        ++at_;
        if (at_one_of("+-"))
            ++at_;
        fine = digits();
    }
    if (!fine)
        fail("a number has no digits");
    return document_.substr(first, at_ - first);
}

bool json_reader::read_word(std::string_view word) {
    if (failed_ || !document_.substr(at_).starts_with(word))
        return false;
    at_ += word.size();
    return true;
}

} // namespace troupe::protocol
