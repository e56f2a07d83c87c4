// Goal: an expression means what its parts mean, however it is written.
// How:  random conditions are made as trees; each tree is written as text (blanks, comments, letter case, parentheses that are not
//       needed), compiled, and compared with an evaluator of the tree that shares nothing with the library.
#include "filter/expression.hpp"

#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using filter::expression;
using filter::truth;

namespace {

using message = std::map<std::string, std::string>;
/// nullopt is unknown.
using logic = std::optional<bool>;

enum class kind { all, any, inverse, compare, between, in, search, null };

struct term {
    enum class type { property, number, text } is = type::property;
    std::string word; ///< name, digits, or content
};

struct tree {
    kind is = kind::compare;
    bool inverted = false;
    std::string word; ///< operator or keyword
    std::vector<term> terms;
    std::vector<tree> parts;
};

class generator {
public:
    explicit generator(std::uint64_t seed) : random_{seed} {}

    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
    bool chance(std::size_t one_in) { return below(one_in) == 0; }
    template <class List>
    auto one_of(const List& list) {
        return list[below(std::size(list))];
    }

    std::string property_name() { return one_of(std::vector<std::string>{"a", "b", "count", "_x", "$y", "ordered", "TAGS"}); }
    std::string digits() {
        return one_of(
            std::vector<std::string>{"0", "1", "2", "5", "10", "5.5", "2.", ".5", "1e1", "3000000000", "9007199254740992", "0.1"});
    }
    std::string content() { return one_of(std::vector<std::string>{"x", "y", "xy", "", "it's", "5", "AND", "ü", "--", "true"}); }
    term ordered_term() { return chance(3) ? term{term::type::number, signed_digits()} : term{term::type::property, property_name()}; }
    std::string signed_digits() { return one_of(std::vector<std::string>{"", "", "-"}) + digits(); }
    term any_term() { return chance(4) ? term{term::type::text, content()} : ordered_term(); }

    tree leaf() {
        const auto inverted = chance(2);
        switch (below(5)) {
        case 0: return {kind::between, true, "", {ordered_term(), ordered_term(), ordered_term()}, {}};
        case 1: {
            tree made{kind::in, inverted, "", {{term::type::property, property_name()}}, {}};
            for (auto texts = 1 + below(4); texts > 0; --texts)
                made.terms.push_back({term::type::text, content()});
            return made;
        }
        case 2: {
            const auto word = one_of(std::vector<std::string>{"CONTAINS", "STARTSWITH", "ENDSWITH"});
            return {kind::search, inverted, word, {{term::type::property, property_name()}, {term::type::text, content()}}, {}};
        }
        case 3: return {kind::null, inverted, "", {any_term()}, {}};
        default: {
            const auto word = one_of(std::vector<std::string>{"=", "<>", ">", ">=", "<", "<="});
            const bool equality = word == "=" || word == "<>";
            return {kind::compare, false, word, {equality ? any_term() : ordered_term(), equality ? any_term() : ordered_term()}, {}};
        }
        }
    }

    tree make(int depth) {
        if (depth == 0 || chance(4))
            return leaf();
        if (chance(4))
            return {kind::inverse, false, "", {}, {make(depth - 1)}};
        tree made{chance(2) ? kind::all : kind::any, false, "", {}, {}};
        for (auto parts = 2 + below(3); parts > 0; --parts)
            made.parts.push_back(make(depth - 1));
        return made;
    }

    message properties() {
        message all;
        for (const char* name : {"a", "b", "count", "_x", "$y", "ordered", "TAGS", "A"}) {
            if (!chance(3))
                all[name] = chance(2) ? one_of(std::vector<std::string>{"-5", "-0.5", "+1", "9007199254740993", "abc", "1e", "true"})
                                      : (chance(2) ? digits() : content());
        }
        return all;
    }

    // ---- writing ---------------------------------------------------------------------------------------------------

    std::string write(const tree& of) {
        std::string text = write_bare(of);
        return chance(6) ? open() + text + close() : text;
    }

private:
    std::string blank() {
        return one_of(std::vector<std::string>{" ", " ", "  ", "\t", "\n", " /* x' AND */ ", " -- (comment\n", "\r\n", "\f"});
    }
    std::string maybe_blank() { return chance(3) ? blank() : ""; }
    std::string open() { return "(" + maybe_blank(); }
    std::string close() { return maybe_blank() + ")"; }
    std::string keyword(const std::string& word) {
        std::string text = blank();
        for (char c : word)
            text += chance(2) ? c : static_cast<char>(c - 'A' + 'a');
        return text + blank();
    }
    static std::string quoted(const std::string& content) {
        std::string text = "'";
        for (char c : content)
            text += c == '\'' ? "''" : std::string(1, c);
        return text + "'";
    }
    std::string write_term(const term& of) {
        auto text = of.is == term::type::text ? quoted(of.word) : of.word;
        return chance(8) && of.is != term::type::text ? open() + text + close() : text;
    }
    std::string inverted(bool is) { return is ? keyword("NOT") : ""; }

    std::string write_bare(const tree& of) {
        switch (of.is) {
        case kind::all:
        case kind::any: {
            std::string text;
            for (const auto& part : of.parts) {
                if (!text.empty())
                    text += keyword(of.is == kind::all ? "AND" : "OR");
                // OR inside AND needs parentheses, and only that does.
                text += of.is == kind::all && part.is == kind::any ? open() + write(part) + close() : write(part);
            }
            return text;
        }
        case kind::inverse: {
            const bool chain = of.parts[0].is == kind::all || of.parts[0].is == kind::any;
            return keyword("NOT") + (chain ? open() + write(of.parts[0]) + close() : write(of.parts[0]));
        }
        case kind::compare: return write_term(of.terms[0]) + maybe_blank() + of.word + maybe_blank() + write_term(of.terms[1]);
        case kind::between:
            return write_term(of.terms[0]) + inverted(of.inverted) + keyword("BETWEEN") + write_term(of.terms[1]) + keyword("AND") +
                   write_term(of.terms[2]);
        case kind::in: {
            auto text = write_term(of.terms[0]) + inverted(of.inverted) + keyword("IN") + open();
            for (std::size_t i = 1; i < of.terms.size(); ++i)
                text += (i > 1 ? maybe_blank() + "," + maybe_blank() : "") + quoted(of.terms[i].word);
            return text + close();
        }
        case kind::search: return write_term(of.terms[0]) + inverted(of.inverted) + keyword(of.word) + quoted(of.terms[1].word);
        default: return write_term(of.terms[0]) + keyword("IS") + inverted(of.inverted) + keyword("NULL");
        }
    }

    std::mt19937_64 random_;
};

// ---- the reference ---------------------------------------------------------------------------------------------------

std::optional<std::string> text_of(const term& of, const message& with) {
    if (of.is != term::type::property)
        return of.word;
    const auto found = with.find(of.word);
    return found == with.end() ? std::nullopt : std::optional{found->second};
}

/// With 64 bits of fraction a long double holds every number that the generator makes exactly.
std::optional<long double> number_of(const std::string& text) {
    if (text.empty() || text.find_first_not_of("+-.0123456789e") != std::string::npos)
        return std::nullopt;
    char* end = nullptr;
    const long double exact = std::strtold(text.c_str(), &end);
    if (*end != '\0')
        return std::nullopt;
    const bool whole = text.find_first_of(".e") == std::string::npos;
    return whole ? exact : static_cast<long double>(std::strtod(text.c_str(), nullptr));
}

logic inverse(logic of) {
    return of ? logic{!*of} : logic{};
}

logic both(logic x, logic y) {
    if ((x && !*x) || (y && !*y))
        return false;
    return x && y ? logic{true} : logic{};
}

logic compare(const std::string& word, const term& left, const term& right, const message& with) {
    const auto l = text_of(left, with);
    const auto r = text_of(right, with);
    const bool numeric = left.is == term::type::number || right.is == term::type::number;
    if (word == "=" || word == "<>") {
        logic equal;
        if (!l && !r) {
            equal = true;
        } else if (l && !r) {
            equal = false;
        } else if (l && r && !numeric) {
            equal = *l == *r;
        } else if (l && r && number_of(*l) && number_of(*r)) {
            equal = *number_of(*l) == *number_of(*r);
        }
        return word == "=" ? equal : inverse(equal);
    }
    if (!l || !r || !number_of(*l) || !number_of(*r))
        return {};
    const auto x = *number_of(*l);
    const auto y = *number_of(*r);
    return word == ">" ? x > y : word == ">=" ? x >= y : word == "<" ? x < y : x <= y;
}

bool has_part(const std::string& word, const std::string& text, const std::string& part) {
    const auto at = word == "ENDSWITH" ? (part.size() <= text.size() ? text.find(part, text.size() - part.size()) : std::string::npos)
                                       : text.find(part);
    return at != std::string::npos && (word != "STARTSWITH" || at == 0);
}

logic reference(const tree& of, const message& with) {
    switch (of.is) {
    case kind::all: {
        logic all = true;
        for (const auto& part : of.parts)
            all = both(all, reference(part, with));
        return all;
    }
    case kind::any: {
        logic none = true;
        for (const auto& part : of.parts)
            none = both(none, inverse(reference(part, with)));
        return inverse(none);
    }
    case kind::inverse: return inverse(reference(of.parts[0], with));
    case kind::compare: return compare(of.word, of.terms[0], of.terms[1], with);
    case kind::between: {
        const auto inside = both(compare(">=", of.terms[0], of.terms[1], with), compare("<=", of.terms[0], of.terms[2], with));
        return of.inverted ? inverse(inside) : inside;
    }
    case kind::in: {
        const auto text = text_of(of.terms[0], with);
        if (!text)
            return {};
        bool found = false;
        for (std::size_t i = 1; i < of.terms.size(); ++i)
            found = found || *text == of.terms[i].word;
        return found != of.inverted;
    }
    case kind::search: {
        const auto text = text_of(of.terms[0], with);
        if (!text || of.terms[1].word.empty())
            return false;
        return has_part(of.word, *text, of.terms[1].word) != of.inverted;
    }
    default: return text_of(of.terms[0], with).has_value() == of.inverted;
    }
}

std::string name_of(logic value) {
    return !value ? "unknown" : (*value ? "yes" : "no");
}

std::string name_of(truth value) {
    return value == truth::unknown ? "unknown" : (value == truth::yes ? "yes" : "no");
}

} // namespace

TEST_CASE("expression: random expressions mean what a plain evaluator of their trees says") {
    const auto seed = test_support::random_seed("random expressions", 9);
    const int runs = test_support::full_run() ? 300'000 : 20'000;
    std::map<std::string, int> outcomes;
    int too_long = 0;
    for (int run = 0; run < runs; ++run) {
        generator random{seed * 1'000'003 + static_cast<std::uint64_t>(run)};
        const auto condition = random.make(3);
        const auto text = random.write(condition);
        if (text.size() > limits::expression_bytes_max) {
            ++too_long;
            continue;
        }
        INFO("run " << run << ": " << text);
        const auto compiled = expression::parse(text);
        REQUIRE_MESSAGE(compiled.ok(), compiled.failure().text);
        for (int i = 0; i < 4; ++i) {
            const auto properties = random.properties();
            const auto given = compiled->evaluate([&](std::string_view name) -> std::optional<std::string_view> {
                const auto found = properties.find(std::string{name});
                return found == properties.end() ? std::nullopt : std::optional<std::string_view>{found->second};
            });
            const auto wanted = name_of(reference(condition, properties));
            REQUIRE(name_of(given) == wanted);
            ++outcomes[wanted];
        }
    }
    // The test says something only if all three outcomes are common, and hardly anything is left out.
    for (const char* outcome : {"yes", "no", "unknown"})
        CHECK(outcomes[outcome] > runs / 4);
    CHECK(too_long < runs / 20);
}
