#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The one place where commands print results: as a table for people or as JSON for programs, from the same data.
namespace troupe::apps {

enum class output_format : std::uint8_t { table, json };

/// A moment; the table shows it in UTC, JSON as milliseconds since 1970.
struct moment {
    std::int64_t ms = 0;
};
/// "2026-11-22T22:38:11.123Z"; "-" for 0, which means never.
std::string format_moment(moment when);

/// Text from anywhere made safe for a terminal: control characters and what is not UTF-8 become \xNN.
std::string printable(std::string_view bytes);

bool is_utf8(std::string_view bytes);
/// RFC 4648 section 4, with padding.
std::string to_base64(std::string_view bytes);

using cell = std::variant<std::string, std::int64_t, double, bool, moment, std::vector<std::string>, std::map<std::string, std::string>>;

struct column {
    std::string name;  ///< JSON key; the table shows it in upper case with spaces for '_'
    int decimals = -1; ///< of doubles in a table
};

/// Rows of equal shape. JSON: an array of objects.
class table {
public:
    explicit table(std::vector<column> columns) : columns_{std::move(columns)} {}

    /// One cell per column.
    void add(std::vector<cell> row);
    [[nodiscard]] std::size_t rows() const { return rows_.size(); }
    /// A table without rows prints `when_empty` instead (JSON: []).
    void print(std::ostream& out, output_format format, std::string_view when_empty = "(none)") const;
    /// One row as a JSON object on one line: for output that has no end.
    void print_line(std::ostream& out, std::size_t row) const;

private:
    std::vector<column> columns_;
    std::vector<std::vector<cell>> rows_;
};

/// One thing with named properties. JSON: an object. Tables added to it print below it (JSON: arrays inside it).
class record {
public:
    void add(std::string name, cell value);
    void add(std::string name, table rows);
    void print(std::ostream& out, output_format format) const;

private:
    std::vector<std::pair<std::string, cell>> properties_;
    std::vector<std::pair<std::string, table>> tables_;
};

} // namespace troupe::apps
