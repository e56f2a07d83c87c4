#include "config/json_document.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace troupe::config {

namespace {

/// Hands bytes to nlohmann's lexer and counts them in a place all copies share: that count is where an event happens.
class counting_iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    counting_iterator(const char* at, std::size_t* consumed) : at_{at}, consumed_{consumed} {}
    reference operator*() const { return *at_; }
    counting_iterator& operator++() {
        ++at_;
        ++*consumed_;
        return *this;
    }
    bool operator==(const counting_iterator& other) const { return at_ == other.at_; }

private:
    const char* at_;
    std::size_t* consumed_;
};

/// Turns byte offsets, which only grow, into lines and columns in one pass.
class position_finder {
public:
    explicit position_finder(std::string_view text) : text_{text} {}

    text_position at(std::size_t offset) {
        if (offset < seen_) {
            seen_ = 0;
            now_ = {};
        }
        for (; seen_ < offset && seen_ < text_.size(); ++seen_) {
            if (text_[seen_] == '\n') {
                ++now_.line;
                now_.column = 1;
            } else {
                ++now_.column;
            }
        }
        return now_;
    }

private:
    std::string_view text_;
    std::size_t seen_ = 0;
    text_position now_;
};

/// First byte at or after `offset` that starts a token other than a comma or colon.
std::size_t skip_to_token(std::string_view text, std::size_t offset) {
    while (offset < text.size()) {
        const char c = text[offset];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ':') {
            ++offset;
        } else if (text.substr(offset, 2) == "//") {
            offset = std::min(text.find('\n', offset), text.size());
        } else if (text.substr(offset, 2) == "/*") {
            const std::size_t end = text.find("*/", offset + 2);
            offset = end == std::string_view::npos ? text.size() : end + 2;
        } else {
            break;
        }
    }
    return offset;
}

/// "[json.exception...] parse error at line 1, column 2: syntax error while parsing value - unexpected ..." to the last part.
std::string shorten(std::string text) {
    const auto cut_after = [&text](std::string_view mark, std::size_t from) {
        const std::size_t at = from == std::string::npos ? from : text.find(mark, from);
        if (at != std::string::npos) {
            text.erase(0, at + mark.size());
        }
    };
    cut_after("] ", text.starts_with("[json.exception") ? 0 : std::string::npos);
    cut_after(": ", text.find("column "));
    cut_after(" - ", text.starts_with("syntax error") ? 0 : std::string::npos);
    return text;
}

/// Builds the tree from nlohmann's events, which come without a lookahead: when one fires, the bytes consumed end with
/// its token (numbers: one byte later), and its token starts at the first token after the last event's end.
class tree_builder : public nlohmann::json_sax<nlohmann::json> {
public:
    tree_builder(std::string_view text, const std::size_t* consumed, std::vector<json_error>* errors)
        : text_{text}, consumed_{consumed}, errors_{errors}, positions_{text} {
        if (text.starts_with("\xEF\xBB\xBF")) {
            last_end_ = 3;
        }
    }

    json_node take() { return std::move(root_); }

    bool null() override { return add(json_kind::null, "null"); }
    bool boolean(bool value) override { return add(json_kind::boolean, value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return add(json_kind::integer, std::to_string(value), value); }
    bool number_unsigned(number_unsigned_t value) override {
        if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
            return add(json_kind::real, std::to_string(value), 0, static_cast<double>(value));
        }
        return add(json_kind::integer, std::to_string(value), static_cast<std::int64_t>(value));
    }
    bool number_float(number_float_t value, const string_t& written) override { return add(json_kind::real, written, 0, value); }
    bool string(string_t& value) override { return add(json_kind::string, std::move(value)); }
    bool binary(binary_t&) override { return false; }

    bool start_object(std::size_t) override { return open(json_kind::object); }
    bool start_array(std::size_t) override { return open(json_kind::array); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& value) override {
        open_.back()->members.push_back({std::move(value), token_position(), {}});
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& failure) override {
        errors_->push_back({positions_.at(position == 0 ? 0 : position - 1), shorten(failure.what())});
        return false;
    }

private:
    text_position token_position() {
        const text_position found = positions_.at(skip_to_token(text_, last_end_));
        last_end_ = *consumed_;
        return found;
    }

    json_node* place(json_node node) {
        node.position = token_position();
        if (open_.empty()) {
            root_ = std::move(node);
            return &root_;
        }
        json_node& parent = *open_.back();
        if (parent.kind == json_kind::object) {
            parent.members.back().value = std::move(node);
            return &parent.members.back().value;
        }
        return &parent.items.emplace_back(std::move(node));
    }

    bool add(json_kind kind, std::string text, std::int64_t integer = 0, double real = 0) {
        json_node node;
        node.kind = kind;
        node.integer = integer;
        node.real = real;
        node.text = std::move(text);
        place(std::move(node));
        return true;
    }

    bool open(json_kind kind) {
        // Pointers into open parents stay valid: a parent's vectors grow only while no child of it is open.
        json_node node;
        node.kind = kind;
        json_node* opened = place(std::move(node));
        if (open_.size() == json_depth_max) {
            errors_->push_back({opened->position, "nested deeper than " + std::to_string(json_depth_max) + " levels"});
            return false;
        }
        open_.push_back(opened);
        return true;
    }

    bool close() {
        open_.pop_back();
        last_end_ = *consumed_;
        return true;
    }

    std::string_view text_;
    const std::size_t* consumed_;
    std::vector<json_error>* errors_;
    position_finder positions_;
    std::size_t last_end_ = 0;
    json_node root_;
    std::vector<json_node*> open_;
};

} // namespace

json_node parse_json(std::string_view text, std::vector<json_error>& errors) {
    if (text.size() > json_bytes_max) {
        errors.push_back({{}, "larger than " + std::to_string(json_bytes_max) + " bytes"});
        return {};
    }
    std::size_t consumed = 0;
    tree_builder builder{text, &consumed, &errors};
    const counting_iterator first{text.data(), &consumed};
    const counting_iterator last{text.data() + text.size(), &consumed};
    const bool whole = nlohmann::json::sax_parse(first, last, &builder, nlohmann::json::input_format_t::json, true, true);
    if (!whole && errors.empty()) {
        errors.push_back({{}, "not readable as JSON"});
    }
    return builder.take();
}

std::string_view describe(json_kind kind) {
    switch (kind) {
    case json_kind::null: return "null";
    case json_kind::boolean: return "a boolean";
    case json_kind::integer: return "a number";
    case json_kind::real: return "a number";
    case json_kind::string: return "a string";
    case json_kind::array: return "a list";
    case json_kind::object: return "a section";
    }
    return "a value";
}

} // namespace troupe::config
