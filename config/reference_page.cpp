#include "config/reference_page.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace troupe::config {

namespace {

std::string quoted_default(const option& what) {
    return what.default_text.empty() ? "(empty)" : "`" + std::string{what.default_text} + "`";
}

std::string section_of(std::string_view key) {
    const std::size_t dot = key.rfind('.');
    return std::string{dot == std::string_view::npos ? "" : key.substr(0, dot)};
}

std::string_view name_of(std::string_view key) {
    return key.substr(key.rfind('.') + 1);
}

std::string section_heading(const std::string& section) {
    return section.empty() ? "## Top level" : "## `" + section + "`";
}

std::string json_value(const option& what, const option_value& value) {
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
        return nlohmann::json(*list).dump();
    }
    const std::string text = format_option(what, value);
    const bool bare = what.kind == option_kind::integer || what.kind == option_kind::ratio || what.kind == option_kind::boolean;
    return bare ? text : nlohmann::json(text).dump();
}

std::vector<std::string> path_of(std::string_view key) {
    std::vector<std::string> path;
    for (std::size_t dot = key.find('.'); dot != std::string_view::npos; dot = key.find('.')) {
        path.emplace_back(key.substr(0, dot));
        key.remove_prefix(dot + 1);
    }
    return path;
}

/// Writes nested sections: opens and closes braces as the path of the next key asks for.
class file_writer {
public:
    void add(const setting& each) {
        move_to(path_of(each.what->key));
        begin_member();
        text_ += "\"" + std::string{name_of(each.what->key)} + "\": " + json_value(*each.what, each.value);
        comment_ = "  // " + std::string{to_string_view(each.from)} + (each.place.empty() ? "" : " " + each.place);
    }
    std::string take() {
        move_to({});
        end_line("");
        return text_ + "}\n";
    }

private:
    void move_to(const std::vector<std::string>& path) {
        const auto common = static_cast<std::size_t>(std::ranges::mismatch(open_, path).in1 - open_.begin());
        while (open_.size() > common) {
            end_line("");
            open_.pop_back();
            text_ += indent() + "}";
            first_ = false;
        }
        while (open_.size() < path.size()) {
            begin_member();
            text_ += "\"" + path[open_.size()] + "\": {\n";
            open_.push_back(path[open_.size()]);
            first_ = true;
        }
    }
    void begin_member() {
        if (!first_) {
            end_line(",");
        }
        text_ += indent();
        first_ = false;
    }
    void end_line(std::string_view separator) {
        if (!text_.ends_with('\n')) {
            text_ += std::string{separator} + comment_ + "\n";
        }
        comment_.clear();
    }
    std::string indent() const { return std::string(2 * (open_.size() + 1), ' '); }

    std::string text_ = "{\n";
    std::string comment_;
    std::vector<std::string> open_;
    bool first_ = true;
};

constexpr std::string_view introduction = R"(# Configuration reference

<!-- Made by `troupe config explain --markdown` from config/option_table.cpp; do not edit. -->

A node reads one JSON file, `troupe node --config FILE`; `//` and `/* */` comments are allowed. Every option has a default, so
`{}` is a standalone node. Each option can also be given as an environment variable or as a flag of `troupe node`:
flag over environment over file over default. `troupe config dump FILE` shows each value and where it came from,
`troupe config check FILE` lists everything that is wrong with a file, `troupe config explain KEY` says what is on this page.

- Sizes are whole numbers with a unit: B, KiB, MiB, GiB, TiB. Durations likewise: ms, s, m, h, d. A number alone is refused.
- Lists in environment variables and flags are separated by commas.
- Unknown and duplicate keys are errors. So is an unknown environment variable that begins like a section, `TROUPE_BROKER_`.
- A change takes effect at the next start.

The key `port` of section `broker` is written

```json
{"broker": {"port": 10911}}
```

or `TROUPE_BROKER_PORT=10911` or `--broker-port 10911`.
)";

} // namespace

std::string reference_page() {
    std::string page{introduction};
    std::string section = "none yet";
    for (const option& each : option_table()) {
        if (section_of(each.key) != section) {
            section = section_of(each.key);
            page += "\n" + section_heading(section) + "\n\n| key | kind | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n";
        }
        const std::string allowed = allowed_values(each);
        page += "| `" + std::string{name_of(each.key)} + "` | " + std::string{kind_name(each.kind)} + " | " + quoted_default(each) + " | " +
                (allowed.empty() ? "" : allowed) + " | " + std::string{each.meaning} + " |\n";
    }
    return page;
}

std::string explain(const option& what) {
    const std::string allowed = allowed_values(what);
    return std::string{what.key} + "\n  " + std::string{what.meaning} + "\n\n  kind         " + std::string{kind_name(what.kind)} +
           "\n  default      " + (what.default_text.empty() ? "(empty)" : std::string{what.default_text}) +
           (allowed.empty() ? "" : "\n  allowed      " + allowed) + "\n  environment  " + environment_name(what) + "\n  flag         " +
           flag_name(what) + "\n";
}

std::string to_file(const loaded_config& loaded) {
    file_writer writer;
    for (const setting& each : loaded.settings) {
        writer.add(each);
    }
    return writer.take();
}

} // namespace troupe::config
