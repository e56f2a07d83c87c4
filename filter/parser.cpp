#include "filter/internal/parser.hpp"

#include <tao/pegtl.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace troupe::filter {

namespace {

/// Why and where a text is no expression. Only thrown inside parse_expression.
struct refusal {
    std::size_t at = 0; ///< byte
    std::string reason;
};

/// An operand on the way to becoming part of something, and the byte where it begins.
struct parsed_operand {
    operand what;                    ///< unless it is a condition
    std::unique_ptr<condition> made; ///< a condition, which may still grow
    std::size_t at = 0;
};

operand taken(parsed_operand given) {
    return given.made ? operand{std::shared_ptr<const condition>{std::move(given.made)}} : std::move(given.what);
}

/// What the grammar's actions build with.
struct builder {
    explicit builder(std::string_view whole) : text{whole} {}

    std::string_view text;
    std::size_t nesting = 0;
    std::vector<parsed_operand> operands;
    std::vector<std::string> properties;
    std::vector<std::string> list; ///< of the IN being read
    std::string part;              ///< of the CONTAINS, STARTSWITH or ENDSWITH being read

    [[nodiscard]] std::size_t offset(const char* place) const { return static_cast<std::size_t>(place - text.data()); }
    void push(operand what, std::size_t at) { operands.push_back({std::move(what), nullptr, at}); }
    parsed_operand pop() {
        assert(!operands.empty());
        auto last = std::move(operands.back());
        operands.pop_back();
        return last;
    }
    void push_condition(condition made, std::size_t at) { operands.push_back({{}, std::make_unique<condition>(std::move(made)), at}); }
    property_slot slot_of(std::string_view name, std::size_t at);
};

property_slot builder::slot_of(std::string_view name, std::size_t at) {
    const auto known = std::find(properties.begin(), properties.end(), name);
    if (known == properties.end() && properties.size() == limits::expression_properties_max)
        throw refusal{at, "an expression can name " + std::to_string(limits::expression_properties_max) + " different properties"};
    const auto index = static_cast<std::size_t>(known - properties.begin());
    if (known == properties.end())
        properties.emplace_back(name);
    return {index};
}

// ---- what operands are good for --------------------------------------------------------------------------------------

template <class T>
bool is(const parsed_operand& given) {
    return !given.made && std::holds_alternative<T>(given.what);
}

bool is_null_literal(const parsed_operand& given) {
    return is<truth>(given) && std::get<truth>(given.what) == truth::unknown;
}

bool has_truth(const parsed_operand& given) {
    return given.made || is<truth>(given);
}

std::string kind_of(const parsed_operand& given) {
    if (given.made)
        return "a condition";
    if (is<property_slot>(given))
        return "a property";
    if (is<std::string>(given))
        return "a text";
    if (is<number>(given))
        return "a number";
    return is_null_literal(given) ? "NULL" : "TRUE or FALSE";
}

condition as_condition(parsed_operand given) {
    if (given.made)
        return std::move(*given.made);
    if (is<truth>(given))
        return {constant{std::get<truth>(given.what)}};
    if (is<property_slot>(given))
        throw refusal{given.at, "a property alone is no condition; write what it shall be, for example \"= TRUE\" or \"IS NOT NULL\""};
    throw refusal{given.at, kind_of(given) + " alone is no condition"};
}

void check_ordered(const parsed_operand& given) {
    if (!is<property_slot>(given) && !is<number>(given))
        throw refusal{given.at, "only numbers and properties have an order, and this is " + kind_of(given)};
}

void check_equal(const parsed_operand& left, const parsed_operand& right) {
    for (const auto* side : {&left, &right}) {
        if (is_null_literal(*side))
            throw refusal{side->at, "nothing equals NULL; write IS NULL or IS NOT NULL"};
    }
    if ((is<number>(left) && has_truth(right)) || (has_truth(left) && is<number>(right)))
        throw refusal{right.at, kind_of(left) + " cannot be compared with " + kind_of(right)};
}

void check_range(const parsed_operand& low, const parsed_operand& high) {
    if (is<number>(low) && is<number>(high) && compare(std::get<number>(low.what), std::get<number>(high.what)) > 0)
        throw refusal{low.at, "nothing lies between these bounds: the first is greater than the second"};
}

// ---- what actions do -------------------------------------------------------------------------------------------------

/// Joins the last two operands as conditions; a chain of the same kind becomes one list.
template <class Junction>
void join(builder& with) {
    auto right = as_condition(with.pop());
    auto first = with.pop();
    const auto at = first.at;
    auto left = as_condition(std::move(first));
    if (auto* chain = std::get_if<Junction>(&left.test)) {
        chain->parts.push_back(std::move(right));
        with.push_condition(std::move(left), at);
        return;
    }
    Junction made;
    made.parts.push_back(std::move(left));
    made.parts.push_back(std::move(right));
    with.push_condition({std::move(made)}, at);
}

void compare_last_two(builder& with, relation by) {
    auto right = with.pop();
    auto left = with.pop();
    const auto at = left.at;
    if (by == relation::equal || by == relation::not_equal) {
        check_equal(left, right);
    } else {
        check_ordered(left);
        check_ordered(right);
    }
    with.push_condition({comparison{by, taken(std::move(left)), taken(std::move(right))}}, at);
}

void make_range(builder& with, bool inverted) {
    auto high = with.pop();
    auto low = with.pop();
    auto value = with.pop();
    check_ordered(value);
    check_ordered(low);
    check_ordered(high);
    if (!inverted)
        check_range(low, high);
    with.push_condition({range{inverted, std::move(value.what), std::move(low.what), std::move(high.what)}}, value.at);
}

void make_membership(builder& with, bool inverted) {
    auto property = with.pop();
    if (!is<property_slot>(property))
        throw refusal{property.at, "before IN stands a property, not " + kind_of(property)};
    std::sort(with.list.begin(), with.list.end());
    with.push_condition({membership{inverted, std::get<property_slot>(property.what), std::exchange(with.list, {})}}, property.at);
}

void make_search(builder& with, text_place place, bool inverted) {
    auto in = with.pop();
    if (!is<property_slot>(in) && !is<std::string>(in))
        throw refusal{in.at, "only a property or a text has parts, and this is " + kind_of(in)};
    with.push_condition({text_search{inverted, place, std::move(in.what), std::exchange(with.part, {})}}, in.at);
}

void make_null_test(builder& with, bool inverted) {
    auto of = with.pop();
    const auto at = of.at;
    with.push_condition({null_test{inverted, taken(std::move(of))}}, at);
}

void negate(builder& with, std::size_t at) {
    with.push_condition({negation{std::make_shared<const condition>(as_condition(with.pop()))}}, at);
}

void apply_sign(builder& with, bool minus, std::size_t at) {
    const auto of = with.pop();
    if (!is<number>(of))
        throw refusal{at, "a sign stands before a number, and this is " + kind_of(of)};
    const auto value = std::get<number>(of.what);
    with.push(minus ? negated(value) : value, at);
}

/// The content of a text in quotes: doubled quotes become one.
std::string unquoted(std::string_view quoted) {
    std::string content;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        content += quoted[i];
        if (quoted[i] == '\'')
            ++i;
    }
    return content;
}

number literal_number(std::string_view digits, std::size_t at) {
    const bool whole = digits.find_first_of(".eE") == std::string_view::npos;
    if (whole && (digits.back() == 'l' || digits.back() == 'L'))
        digits.remove_suffix(1);
    if (whole && digits.size() > 1 && digits.front() == '0')
        throw refusal{at, "a whole number does not begin with 0"};
    const auto value = read_number(digits);
    if (!value || (whole && std::holds_alternative<double>(*value)))
        throw refusal{at, whole ? "a whole number can be 9223372036854775807 at most" : "this number is beyond the range of a double"};
    return *value;
}

// ---- the grammar -----------------------------------------------------------------------------------------------------

namespace grammar {

using namespace tao::pegtl;

/// What must be there for Rule, in words; used when it is not.
template <class Rule>
inline constexpr const char* expected = nullptr;

/// Rule must match here: there is no other way to go on.
template <class Rule>
struct expect {
    using rule_t = expect;
    using subs_t = type_list<Rule>;

    template <apply_mode A, rewind_mode, template <class...> class Action, template <class...> class Control, class Input>
    static bool match(Input& in, builder& with) {
        if (!Control<Rule>::template match<A, rewind_mode::required, Action, Control>(in, with))
            Control<Rule>::raise(in, with);
        return true;
    }
};

/// Rule one level deeper than what is around it.
template <class Rule>
struct nested {
    using rule_t = nested;
    using subs_t = type_list<Rule>;

    template <apply_mode A, rewind_mode M, template <class...> class Action, template <class...> class Control, class Input>
    static bool match(Input& in, builder& with) {
        if (with.nesting == limits::expression_nesting_max)
            throw refusal{with.offset(in.current()),
                          "parentheses, NOT and signs can be nested " + std::to_string(limits::expression_nesting_max) + " deep"};
        ++with.nesting;
        const bool matched = Control<Rule>::template match<A, M, Action, Control>(in, with);
        --with.nesting;
        return matched;
    }
};

// Words and blanks. Each token takes the blanks behind it.
struct line_comment : seq<string<'-', '-'>, star<not_one<'\n', '\r'>>> {};
struct block_comment : seq<string<'/', '*'>, until<string<'*', '/'>>> {};
struct blanks : star<sor<one<' ', '\t', '\n', '\r', '\f'>, line_comment, block_comment>> {};
struct word_character : sor<alnum, one<'_', '$'>> {};
template <class Symbol>
struct token : seq<Symbol, blanks> {};
template <class Letters>
struct keyword : seq<Letters, not_at<word_character>, blanks> {};

struct key_and : keyword<TAO_PEGTL_ISTRING("AND")> {};
struct key_between : keyword<TAO_PEGTL_ISTRING("BETWEEN")> {};
struct key_contains : keyword<TAO_PEGTL_ISTRING("CONTAINS")> {};
struct key_endswith : keyword<TAO_PEGTL_ISTRING("ENDSWITH")> {};
struct key_false : keyword<TAO_PEGTL_ISTRING("FALSE")> {};
struct key_in : keyword<TAO_PEGTL_ISTRING("IN")> {};
struct key_is : keyword<TAO_PEGTL_ISTRING("IS")> {};
struct key_not : keyword<TAO_PEGTL_ISTRING("NOT")> {};
struct key_null : keyword<TAO_PEGTL_ISTRING("NULL")> {};
struct key_or : keyword<TAO_PEGTL_ISTRING("OR")> {};
struct key_startswith : keyword<TAO_PEGTL_ISTRING("STARTSWITH")> {};
struct key_true : keyword<TAO_PEGTL_ISTRING("TRUE")> {};
struct any_keyword : sor<key_and, key_between, key_contains, key_endswith, key_false, key_in, key_is, key_not, key_null, key_or,
                         key_startswith, key_true> {};

struct name : seq<not_at<any_keyword>, sor<alpha, one<'_', '$'>>, star<word_character>> {};
struct closing_quote : one<'\''> {};
template <class Meaning>
struct quoted : seq<one<'\''>, star<sor<string<'\'', '\''>, not_one<'\''>>>, expect<closing_quote>> {};

struct exponent : seq<one<'e', 'E'>, opt<one<'+', '-'>>, plus<digit>> {};
struct real
    : sor<seq<plus<digit>, one<'.'>, star<digit>, opt<exponent>>, seq<one<'.'>, plus<digit>, opt<exponent>>, seq<plus<digit>, exponent>> {};
struct digits : sor<real, seq<plus<digit>, opt<one<'l', 'L'>>>> {};
struct digits_end : not_at<sor<word_character, one<'.'>>> {};

// Values.
struct text_value : quoted<text_value> {};
struct list_text : quoted<list_text> {};
struct part_text : quoted<part_text> {};
struct value_true : key_true {};
struct value_false : key_false {};
struct value_null : key_null {};
struct condition_rule;
struct operand_rule;
struct closing_parenthesis : token<one<')'>> {};
struct group : seq<token<one<'('>>, nested<expect<condition_rule>>, expect<closing_parenthesis>> {};
struct with_minus : seq<token<one<'-'>>, nested<expect<operand_rule>>> {};
struct with_plus : seq<token<one<'+'>>, nested<expect<operand_rule>>> {};
struct number_value : seq<digits, expect<digits_end>, blanks> {};
struct operand_rule : sor<group, with_minus, with_plus, token<text_value>, number_value, value_true, value_false, value_null, token<name>> {
};

// What may follow a value.
template <relation By>
struct symbol;
template <>
struct symbol<relation::equal> : one<'='> {};
template <>
struct symbol<relation::not_equal> : string<'<', '>'> {};
template <>
struct symbol<relation::greater> : one<'>'> {};
template <>
struct symbol<relation::greater_or_equal> : string<'>', '='> {};
template <>
struct symbol<relation::less> : one<'<'> {};
template <>
struct symbol<relation::less_or_equal> : string<'<', '='> {};
template <relation By>
struct compared : seq<token<symbol<By>>, expect<operand_rule>> {};

template <bool Inverted>
struct between : seq<key_between, expect<operand_rule>, expect<key_and>, expect<operand_rule>> {};
struct open_list : token<one<'('>> {};
struct close_list : token<one<')'>> {};
struct list_item : token<list_text> {};
template <bool Inverted>
struct in : seq<key_in, expect<open_list>, expect<list_item>, star<token<one<','>>, expect<list_item>>, expect<close_list>> {};
struct part : token<part_text> {};
template <text_place Place>
struct place_keyword;
template <>
struct place_keyword<text_place::anywhere> : key_contains {};
template <>
struct place_keyword<text_place::start> : key_startswith {};
template <>
struct place_keyword<text_place::end> : key_endswith {};
template <text_place Place, bool Inverted>
struct holds : seq<place_keyword<Place>, expect<part>> {};
template <bool Inverted>
struct any_search : sor<holds<text_place::anywhere, Inverted>, holds<text_place::start, Inverted>, holds<text_place::end, Inverted>> {};
template <bool Inverted>
struct is_null;
template <>
struct is_null<true> : seq<key_is, key_not, expect<key_null>> {};
template <>
struct is_null<false> : seq<key_is, expect<key_null>> {};
struct after_not : sor<between<true>, in<true>, any_search<true>> {};
struct tail : sor<compared<relation::not_equal>, compared<relation::greater_or_equal>, compared<relation::less_or_equal>,
                  compared<relation::equal>, compared<relation::greater>, compared<relation::less>, between<false>, in<false>,
                  any_search<false>, is_null<true>, is_null<false>, seq<key_not, expect<after_not>>> {};

// Conditions.
struct negated_rule;
struct negated_condition : seq<key_not, nested<expect<negated_rule>>> {};
struct negated_rule : sor<negated_condition, seq<operand_rule, opt<tail>>> {};
struct and_more : seq<key_and, expect<negated_rule>> {};
struct and_rule : seq<negated_rule, star<and_more>> {};
struct or_more : seq<key_or, expect<and_rule>> {};
struct condition_rule : seq<and_rule, star<or_more>> {};
struct end_of_text : eof {};
struct whole : seq<blanks, expect<condition_rule>, expect<end_of_text>> {};

template <>
inline constexpr const char* expected<condition_rule> = "a condition";
template <>
inline constexpr const char* expected<and_rule> = "a condition";
template <>
inline constexpr const char* expected<negated_rule> = "a condition";
template <>
inline constexpr const char* expected<operand_rule> = "a property, a number, a text in single quotes, TRUE or FALSE";
template <>
inline constexpr const char* expected<closing_quote> = "a single quote at the end of the text";
template <>
inline constexpr const char* expected<digits_end> = "the end of the number";
template <>
inline constexpr const char* expected<closing_parenthesis> = "AND, OR or )";
template <>
inline constexpr const char* expected<key_and> = "AND and the second bound";
template <>
inline constexpr const char* expected<open_list> = "( and texts";
template <>
inline constexpr const char* expected<list_item> = "a text in single quotes";
template <>
inline constexpr const char* expected<close_list> = "a comma or )";
template <>
inline constexpr const char* expected<part> = "a text in single quotes";
template <>
inline constexpr const char* expected<key_null> = "NULL";
template <>
inline constexpr const char* expected<after_not> = "BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH";
template <>
inline constexpr const char* expected<end_of_text> = "AND, OR or the end";

template <class Rule>
struct action : nothing<Rule> {};

template <>
struct action<name> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        const auto at = with.offset(in.begin());
        with.push(with.slot_of(in.string_view(), at), at);
    }
};
template <>
struct action<digits> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        const auto at = with.offset(in.begin());
        with.push(literal_number(in.string_view(), at), at);
    }
};
template <>
struct action<text_value> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        with.push(unquoted(in.string_view()), with.offset(in.begin()));
    }
};
template <>
struct action<list_text> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        with.list.push_back(unquoted(in.string_view()));
    }
};
template <>
struct action<part_text> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        with.part = unquoted(in.string_view());
    }
};
template <truth Value>
struct literal_action {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        with.push(Value, with.offset(in.begin()));
    }
};
template <>
struct action<value_true> : literal_action<truth::yes> {};
template <>
struct action<value_false> : literal_action<truth::no> {};
template <>
struct action<value_null> : literal_action<truth::unknown> {};
template <>
struct action<with_minus> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        apply_sign(with, true, with.offset(in.begin()));
    }
};
template <>
struct action<with_plus> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        apply_sign(with, false, with.offset(in.begin()));
    }
};
template <relation By>
struct action<compared<By>> {
    static void apply0(builder& with) { compare_last_two(with, By); }
};
template <bool Inverted>
struct action<between<Inverted>> {
    static void apply0(builder& with) { make_range(with, Inverted); }
};
template <bool Inverted>
struct action<in<Inverted>> {
    static void apply0(builder& with) { make_membership(with, Inverted); }
};
template <text_place Place, bool Inverted>
struct action<holds<Place, Inverted>> {
    static void apply0(builder& with) { make_search(with, Place, Inverted); }
};
template <bool Inverted>
struct action<is_null<Inverted>> {
    static void apply0(builder& with) { make_null_test(with, Inverted); }
};
template <>
struct action<negated_condition> {
    template <class Input>
    static void apply(const Input& in, builder& with) {
        negate(with, with.offset(in.begin()));
    }
};
template <>
struct action<and_more> {
    static void apply0(builder& with) { join<conjunction>(with); }
};
template <>
struct action<or_more> {
    static void apply0(builder& with) { join<disjunction>(with); }
};

// ---- what is said about a text that is no expression -------------------------------------------------------------------

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u;
}

/// The word or the single character that `text` begins with.
std::string_view first_token(std::string_view text) {
    constexpr std::size_t shown_max = 32;
    auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_word_character) - text.begin());
    if (end > 0)
        return text.substr(0, std::min(end, shown_max));
    end = 1;
    while (end < text.size() && end < 4 && continues_character(text[end]))
        ++end;
    return text.substr(0, end);
}

bool is_like(std::string_view word) {
    constexpr std::string_view like = "LIKE";
    return std::equal(word.begin(), word.end(), like.begin(), like.end(),
                      [](char given, char wanted) { return given == wanted || given == wanted - 'A' + 'a'; });
}

std::string found(std::string_view rest) {
    if (rest.empty())
        return "the end";
    if (rest.starts_with("/*"))
        return "a comment without */";
    if (rest.front() == '\'')
        return "a text";
    if (static_cast<unsigned char>(rest.front()) < ' ')
        return "a control character";
    return std::string{first_token(rest)};
}

/// What may help whoever wrote `rest` where it does not fit.
std::string hint(std::string_view rest) {
    if (rest.empty() || rest.starts_with("/*"))
        return {};
    if (rest.starts_with("!="))
        return "; not equal is written <>";
    if (rest.front() == '=')
        return "; equal is written with one =";
    if (rest.front() == '"')
        return "; texts stand in single quotes";
    if (rest.starts_with("&&"))
        return "; and is written AND";
    if (rest.starts_with("||"))
        return "; or is written OR";
    if (is_like(first_token(rest)))
        return "; there is no LIKE, but CONTAINS, STARTSWITH and ENDSWITH";
    const bool no_ascii = static_cast<unsigned char>(rest.front()) >= 0x80;
    if (no_ascii || std::string_view{"+-*/%.:#@"}.find(rest.front()) != std::string_view::npos)
        return "; there is no arithmetic, and the names of properties consist of letters, digits, _ and $";
    return {};
}

template <class Rule>
struct control : normal<Rule> {
    template <class Input>
    [[noreturn]] static void raise(const Input& in, builder& with) {
        static_assert(expected<Rule> != nullptr, "say what is expected");
        const auto at = with.offset(in.current());
        const auto rest = with.text.substr(at);
        throw refusal{at, std::string{"expected "} + expected<Rule> + ", found " + found(rest) + hint(rest)};
    }
};

} // namespace grammar

std::size_t column_of(std::string_view text, std::size_t at) {
    const auto before = text.substr(0, at);
    return 1 +
           static_cast<std::size_t>(std::count_if(before.begin(), before.end(), [](char c) { return !grammar::continues_character(c); }));
}

error at_column(std::size_t column, const std::string& reason) {
    return {errc::subscription_illegal, "column " + std::to_string(column) + ": " + reason};
}

} // namespace

result<parsed_expression> parse_expression(std::string_view text) {
    using namespace tao::pegtl;
    if (text.size() > limits::expression_bytes_max)
        return at_column(column_of(text, limits::expression_bytes_max),
                         "an expression can have " + std::to_string(limits::expression_bytes_max) + " bytes");
    builder with{text};
    memory_input<tracking_mode::lazy, eol::lf_crlf, const char*> in{text.data(), text.data() + text.size(), ""};
    try {
        // Either it matches or it throws: `whole` goes no other way.
        const bool matched = parse<grammar::whole, grammar::action, grammar::control>(in, with);
        assert(matched && with.operands.size() == 1);
        static_cast<void>(matched);
        auto root = as_condition(with.pop());
        return parsed_expression{std::move(root), std::move(with.properties)};
    } catch (const refusal& why) {
        return at_column(column_of(text, why.at), why.reason);
    }
}

} // namespace troupe::filter
