#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

/// Reading the JSON that Java, Go and C++ peers write, value by value and without a tree.
///
/// A library for standard JSON would not do: fastjson writes numbers and whole objects as unquoted keys, and peers write
/// numbers as strings and the reverse. Headers also pass here once per request, so nothing is built that nobody reads.
/// Source of the dialect: RocketMQ's RemotingSerializable, and what its Go and C++ clients write.
namespace troupe::protocol {

enum class json_kind : std::uint8_t { object, array, text, number, boolean, null, none };

/// Walks over one document. After the first failure every call returns an empty value and changes nothing, so callers
/// look once, at the end.
///
/// Bounded   nesting is at most depth_max deep, and there are at most values_max members and elements: "{},{},..." would
///           otherwise become thirty times as many bytes of structs. Nothing is allocated from a length, as there are none.
/// Lifetime  views of the document must not outlive it.
class json_reader {
public:
    static constexpr int depth_max = 24;
    static constexpr std::size_t values_max = 1'000'000;

    explicit json_reader(std::string_view document) : document_{document} {}
    json_reader(const json_reader&) = delete;
    json_reader& operator=(const json_reader&) = delete;

    /// Kind of the next value; none at the end or before something that starts no value.
    [[nodiscard]] json_kind peek();

    /// Calls `on_member(key)` for each member; it must read exactly one value. The key is only valid during the call; an
    /// object in the place of a key is given as its JSON text. null counts as an object without members.
    template <class OnMember>
    void object(OnMember on_member) {
        if (!enter('{', '}'))
            return;
        do {
            std::string buffer;
            const std::string_view key = read_key(buffer);
            if (!failed())
                on_member(key);
        } while (next_in('}'));
    }

    /// Calls `on_element()` for each element; it must read exactly one value. null counts as an array without elements.
    template <class OnElement>
    void array(OnElement on_element) {
        if (!enter('[', ']'))
            return;
        do {
            on_element();
        } while (next_in(']'));
    }

    /// A string; numbers, booleans, objects and arrays as they are written; null as "".
    std::string text();
    /// A whole number, also inside a string or written like 1.0; null and "" as 0. Fails when Number cannot hold it.
    template <class Number>
    Number integer() {
        const std::int64_t wide = wide_integer();
        if (wide < std::numeric_limits<Number>::min() || wide > std::numeric_limits<Number>::max()) {
            fail("a number is out of range");
            return 0;
        }
        return static_cast<Number>(wide);
    }
    /// true, "true" in any case, or a number other than 0; everything else is false.
    bool boolean();
    /// A number, also inside a string; null as 0.
    double real();
    /// Passes over one value and gives its JSON text.
    std::string_view skip();
    /// Passes over the value of a member that nobody needs. Fails for fastjson's references, which would hide data.
    void skip_member(std::string_view key);

    /// Fails the document from outside: a value is well-formed but wrong.
    void fail(std::string_view what);
    [[nodiscard]] bool failed() const { return failed_; }
    /// Success when all of the document was read and nothing failed. Otherwise protocol_error: `name`, what, and where.
    [[nodiscard]] result<void> finish(std::string_view name);

private:
    void skip_space();
    bool accept(char c);
    bool enter(char open, char close);
    bool next_in(char close);
    std::string_view read_key(std::string& buffer);
    std::string_view read_string(std::string& buffer);
    void read_escape(std::string& buffer);
    std::uint32_t read_hex4();
    std::string_view read_number();
    bool read_word(std::string_view word);
    std::int64_t wide_integer();

    std::string_view document_;
    std::size_t at_ = 0;
    int depth_ = 0;
    std::size_t values_ = 0;
    bool failed_ = false;
    std::string failure_;
};

} // namespace troupe::protocol
