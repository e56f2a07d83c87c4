// Goal: what is refused and what matches is what Apache RocketMQ does, but for the differences that docs/reference/sql92.md lists.
// How:  a table of expressions with the outcome that Apache's own filter gave (tests/data/sql92.tsv says how it is made).
#include "filter/expression.hpp"
#include "protocol/properties.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using filter::expression;
using filter::truth;

namespace {

struct table_row {
    int line = 0;
    std::string apache;
    std::string troupe;
    std::string difference;
    std::string expression;
    protocol::properties properties;
};

std::string unescaped(std::string_view cell) {
    std::string text;
    for (std::size_t i = 0; i < cell.size(); ++i) {
        char c = cell[i];
        if (c == '\\') {
            c = cell[++i];
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c == 'p' ? '|' : c;
        }
        text += c;
    }
    return text;
}

std::vector<std::string> split(std::string_view line, char at) {
    std::vector<std::string> cells;
    for (;;) {
        const auto end = line.find(at);
        cells.emplace_back(line.substr(0, end));
        if (end == std::string_view::npos)
            return cells;
        line.remove_prefix(end + 1);
    }
}

std::vector<table_row> read_table() {
    std::ifstream in{TROUPE_SQL92_TABLE};
    std::vector<table_row> rows;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.empty() || line.front() == '#')
            continue;
        const auto cells = split(line, '\t');
        REQUIRE_MESSAGE(cells.size() == 5, "line " << number);
        table_row row{number, cells[0], cells[1], cells[2], unescaped(cells[3]), {}};
        if (cells[4] != "-") {
            for (const auto& pair : split(cells[4], '|')) {
                const auto equals = pair.find('=');
                row.properties[pair.substr(0, equals)] = unescaped(std::string_view{pair}.substr(equals + 1));
            }
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::string name_of(truth value) {
    return value == truth::yes ? "yes" : (value == truth::no ? "no" : "unknown");
}

std::string outcome(const table_row& row) {
    const auto compiled = expression::parse(row.expression);
    if (!compiled)
        return "refused";
    const auto given = compiled->evaluate([&](std::string_view name) -> std::optional<std::string_view> {
        const auto found = row.properties.find(std::string{name});
        return found == row.properties.end() ? std::nullopt : std::optional<std::string_view>{found->second};
    });
    // A record cannot hold an empty value; all others have the same outcome there.
    if (const auto encoded = protocol::encode_properties(row.properties)) {
        CHECK(compiled->evaluate(*encoded) == given);
        CHECK(compiled->matches(*encoded) == (given == truth::yes));
    }
    return name_of(given);
}

std::string expected(const table_row& row) {
    if (row.troupe != "=")
        return row.troupe;
    return row.apache == "throws" ? "unknown" : row.apache;
}

} // namespace

TEST_CASE("sql92: each expression of the table gives what Apache RocketMQ's filter gives, or what the page says instead") {
    const auto rows = read_table();
    CHECK(rows.size() >= 700);
    for (const auto& row : rows) {
        INFO("tests/data/sql92.tsv:" << row.line << ": " << row.expression);
        CHECK(outcome(row) == expected(row));
        CHECK((row.troupe == "=") == (row.difference == "-"));
        if (row.troupe != "=")
            CHECK(row.troupe != row.apache);
    }
}

TEST_CASE("sql92: every difference of the table is explained on the reference page, and every one explained there is tried") {
    std::ifstream in{TROUPE_SQL92_PAGE};
    const std::string page{std::istreambuf_iterator<char>{in}, {}};
    std::set<std::string> tried;
    for (const auto& row : read_table()) {
        if (row.difference != "-")
            tried.insert(row.difference);
    }
    std::set<std::string> explained; // rows of the table of differences begin with "| `name` |"
    for (const auto& line : split(page, '\n')) {
        if (line.rfind("| `", 0) == 0 && line.find("` |", 3) != std::string::npos)
            explained.insert(line.substr(3, line.find("` |", 3) - 3));
    }
    CHECK(tried == explained);
}
