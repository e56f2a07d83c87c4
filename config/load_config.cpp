#include "config/load_config.hpp"

#include "config/cross_checks.hpp"
#include "config/nearest.hpp"
#include "config/units.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

extern char** environ;

namespace troupe::config {

namespace {

bool is_section(std::string_view path) {
    return std::ranges::any_of(option_table(), [&](const option& each) { return each.key.starts_with(std::string{path} + "."); });
}

/// Names that may stand in section `path` (empty: the top level).
std::vector<std::string> names_in(std::string_view path) {
    std::vector<std::string> names;
    const std::string prefix = path.empty() ? "" : std::string{path} + ".";
    for (const option& each : option_table()) {
        if (!each.key.starts_with(prefix)) {
            continue;
        }
        const std::string_view rest = each.key.substr(prefix.size());
        std::string name{rest.substr(0, rest.find('.'))};
        if (names.empty() || names.back() != name) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

/// "; did you mean ...?" for a key that section `path` does not have: a name of the section, or a key of another section
/// that ends alike.
std::string suggest_key(std::string_view path, std::string_view written) {
    if (const std::string meant = nearest(written, names_in(path)); !meant.empty()) {
        return "; did you mean \"" + meant + "\"?";
    }
    for (const option& each : option_table()) {
        if (each.key.ends_with("." + std::string{written})) {
            return "; did you mean \"" + std::string{each.key} + "\", in another section?";
        }
    }
    std::string all;
    for (const std::string& name : names_in(path)) {
        all += (all.empty() ? "" : ", ") + name;
    }
    return "; " + (path.empty() ? std::string{"the file"} : "section \"" + std::string{path} + "\"") + " knows " + all;
}

std::string found(const json_node& node) {
    switch (node.kind) {
    case json_kind::string: return "the string \"" + node.text.substr(0, 60) + "\"";
    case json_kind::integer:
    case json_kind::real: return "the number " + node.text.substr(0, 60);
    case json_kind::boolean:
    case json_kind::null: return node.text;
    case json_kind::array:
    case json_kind::object: break;
    }
    return std::string{describe(node.kind)};
}

error wrong_type(const option& what, const json_node& node) {
    std::string text = "expected " + expectation(what) + ", got " + found(node);
    if (node.kind == json_kind::integer && node.integer >= 0 && what.kind == option_kind::size) {
        text += "; in bytes that is \"" + format_size(static_cast<std::uint64_t>(node.integer)) + "\"";
    }
    if (node.kind == json_kind::integer && node.integer >= 0 && what.kind == option_kind::duration) {
        text += "; in milliseconds that is \"" + format_duration(std::chrono::milliseconds{node.integer}) + "\"";
    }
    return error{errc::argument_illegal, std::move(text)};
}

result<option_value> value_of(const option& what, const json_node& node) {
    switch (what.kind) {
    case option_kind::boolean:
        if (node.kind == json_kind::boolean) {
            return option_value{std::int64_t{node.text == "true"}};
        }
        break;
    case option_kind::integer:
        if (node.kind == json_kind::integer) {
            return check_option(what, node.integer);
        }
        break;
    case option_kind::ratio:
        if (node.kind == json_kind::integer || node.kind == json_kind::real) {
            return check_option(what, node.kind == json_kind::real ? node.real : static_cast<double>(node.integer));
        }
        break;
    case option_kind::address_list:
    case option_kind::choice_list: break; // see set_list
    case option_kind::text:
    case option_kind::name:
    case option_kind::broker_name:
    case option_kind::host:
    case option_kind::address:
    case option_kind::choice:
    case option_kind::size:
    case option_kind::duration:
        if (node.kind == json_kind::string) {
            return parse_option(what, node.text);
        }
        break;
    }
    return wrong_type(what, node);
}

/// Collects values and mistakes of one load.
class loader {
public:
    explicit loader(const config_source& source) : source_{source} {}

    load_outcome run() {
        for (const option& each : option_table()) {
            settings_.push_back({&each, *parse_option(each, each.default_text), origin::default_value, ""});
        }
        read_file();
        read_environment();
        read_flags();
        return finish();
    }

private:
    void mistake(std::string place, std::string key, std::string text) {
        if (!key.empty()) {
            refused_.push_back(key);
        }
        mistakes_.push_back({std::move(place), std::move(key), std::move(text)});
    }
    /// Whether the value of `key` may not be what its writer meant.
    bool is_refused(std::string_view key) const {
        return std::ranges::any_of(refused_, [&](const std::string& each) { return key == each || key.starts_with(each + "."); });
    }
    std::string place(text_position position) const {
        return source_.file_name + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
    }
    void set(const option& what, const result<option_value>& value, origin from, const std::string& where) {
        if (!value) {
            mistake(where, std::string{what.key}, value.failure().text);
            return;
        }
        const auto found = std::ranges::find(settings_, &what, &setting::what);
        *found = {&what, *value, from, where};
    }

    /// A list of a file: each item that is wrong is shown at its own place.
    void set_list(const option& what, const json_node& node) {
        if (node.kind != json_kind::array) {
            mistake(place(node.position), std::string{what.key}, wrong_type(what, node).text);
            return;
        }
        std::vector<std::string> list;
        for (const json_node& item : node.items) {
            list.push_back(item.kind == json_kind::string ? item.text : "");
        }
        const auto mistakes = find_list_mistakes(what, list);
        const auto mistakes_at = [&](std::optional<std::size_t> item, text_position position) {
            for (const list_mistake& each : mistakes) {
                if (each.item == item) {
                    mistake(place(position), std::string{what.key}, each.text);
                }
            }
        };
        bool good = mistakes.empty();
        mistakes_at(std::nullopt, node.position);
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            const json_node& item = node.items[i];
            if (item.kind == json_kind::string) {
                mistakes_at(i, item.position);
            } else {
                mistake(place(item.position), std::string{what.key}, "expected " + expectation(what) + ", got " + found(item) + " in it");
                good = false;
            }
        }
        if (good) {
            set(what, option_value{std::move(list)}, origin::file, place(node.position));
        }
    }

    void read_file() {
        if (source_.file_name.empty()) {
            return;
        }
        std::vector<json_error> errors;
        const json_node root = parse_json(source_.file_text, errors);
        for (const json_error& each : errors) {
            mistake(place(each.position), "", each.text);
        }
        is_file_read_ = errors.empty() && root.kind == json_kind::object;
        if (!errors.empty()) {
            return;
        }
        if (root.kind != json_kind::object) {
            mistake(place(root.position), "", "expected a configuration in braces, got " + std::string{describe(root.kind)});
            return;
        }
        read_section("", root);
    }

    void read_section(const std::string& path, const json_node& section) {
        for (auto member = section.members.begin(); member != section.members.end(); ++member) {
            const std::string key = path.empty() ? member->key : path + "." + member->key;
            const auto first = std::find_if(section.members.begin(), member, [&](const json_member& x) { return x.key == member->key; });
            if (first != member) {
                mistake(place(member->key_position), key,
                        "given twice; the first is at line " + std::to_string(first->key_position.line) + ", column " +
                            std::to_string(first->key_position.column));
                continue;
            }
            read_member(path, key, *member);
        }
    }

    void read_member(const std::string& path, const std::string& key, const json_member& member) {
        if (is_section(key)) {
            if (member.value.kind != json_kind::object) {
                mistake(place(member.value.position), key, "expected a section in braces, got " + found(member.value));
                return;
            }
            read_section(key, member.value);
        } else if (const option* what = member.key.find('.') == std::string::npos ? find_option(key) : nullptr) {
            if (what->kind == option_kind::address_list || what->kind == option_kind::choice_list) {
                set_list(*what, member.value);
            } else {
                set(*what, value_of(*what, member.value), origin::file, place(member.value.position));
            }
        } else {
            if (const std::string meant = nearest(member.key, names_in(path)); !meant.empty()) {
                refused_.push_back(path.empty() ? meant : path + "." + meant);
            }
            mistake(place(member.key_position), key.empty() ? "\"\"" : key, "unknown key" + suggest_key(path, member.key));
        }
    }

    /// TROUPE_ variables that are no option belong to others (tests, scripts), unless they begin like a section.
    void read_environment() {
        std::vector<std::string> names;
        for (const option& each : option_table()) {
            names.push_back(environment_name(each));
        }
        for (const auto& variable : source_.environment) {
            const std::string& name = variable.first;
            const auto at = std::ranges::find(names, name);
            if (at != names.end()) {
                const option& what = option_table()[static_cast<std::size_t>(at - names.begin())];
                set(what, parse_option(what, variable.second), origin::environment, name);
                continue;
            }
            const bool ours = std::ranges::any_of(names_in(""), [&](const std::string& section) {
                std::string prefix = "TROUPE_" + section + "_";
                std::ranges::transform(prefix, prefix.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
                return name.starts_with(prefix);
            });
            if (ours) {
                const std::string meant = nearest(name, names);
                if (const auto option = std::ranges::find(names, meant); option != names.end()) {
                    refused_.emplace_back(option_table()[static_cast<std::size_t>(option - names.begin())].key);
                }
                mistake(name, "", "unknown environment variable" + (meant.empty() ? "" : "; did you mean " + meant + "?"));
            }
        }
    }

    void read_flags() {
        for (const auto& flag : source_.flags) {
            const std::string& name = flag.first;
            const auto what = std::ranges::find_if(option_table(), [&](const option& each) { return flag_name(each) == name; });
            if (what == option_table().end()) {
                mistake(name, "", "unknown flag");
                continue;
            }
            set(*what, parse_option(*what, flag.second), origin::flag, name);
        }
    }

    load_outcome finish() {
        load_outcome outcome;
        loaded_config loaded;
        for (const setting& each : settings_) {
            each.what->apply(loaded.config, each.value);
        }
        // A contradiction with a value that was itself refused, or is a default because its key was mistyped, would only confuse.
        if (is_file_read_) {
            for (contradiction& each : find_contradictions(loaded.config)) {
                if (is_refused(each.key) || std::ranges::any_of(each.others, [this](std::string_view key) { return is_refused(key); })) {
                    continue;
                }
                const auto at = std::ranges::find_if(settings_, [&](const setting& x) { return x.what->key == each.key; });
                const std::string file = source_.file_name.empty() ? "configuration" : source_.file_name;
                mistake(at->place.empty() ? file : at->place, std::string{each.key}, std::move(each.text));
            }
        }
        outcome.mistakes = std::move(mistakes_);
        if (outcome.mistakes.empty()) {
            loaded.settings = std::move(settings_);
            outcome.loaded = std::move(loaded);
        }
        return outcome;
    }

    const config_source& source_;
    std::vector<setting> settings_;
    std::vector<config_error> mistakes_;
    std::vector<std::string> refused_; ///< keys, or sections, whose values are not to be trusted
    bool is_file_read_ = true;         ///< or there is none
};

} // namespace

std::string_view to_string_view(origin from) {
    switch (from) {
    case origin::default_value: return "default";
    case origin::file: return "file";
    case origin::environment: return "environment";
    case origin::flag: return "flag";
    }
    return "default";
}

std::string to_string(const config_error& mistake) {
    return mistake.place + ": " + (mistake.key.empty() ? "" : mistake.key + ": ") + mistake.text;
}

load_outcome load_config(const config_source& source) {
    return loader{source}.run();
}

result<std::string> read_config_file(const std::filesystem::path& path) {
    std::error_code failure;
    if (std::filesystem::is_directory(path, failure)) {
        return error{errc::io, path.string() + ": is a directory, not a configuration file"};
    }
    std::ifstream file{path, std::ios::binary};
    if (!file) {
        const int reason = errno;
        return error{reason == ENOENT ? errc::not_found : errc::io, path.string() + ": cannot be read: " + std::strerror(reason)};
    }
    std::string text(json_bytes_max + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (file.bad()) {
        return error{errc::io, path.string() + ": cannot be read: " + std::strerror(errno)};
    }
    if (text.size() > json_bytes_max) {
        return error{errc::argument_illegal, path.string() + ": is larger than " + std::to_string(json_bytes_max) + " bytes"};
    }
    return text;
}

std::map<std::string, std::string> troupe_environment() {
    std::map<std::string, std::string> found;
    for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
        const std::string_view entry{*each};
        const std::size_t equals = entry.find('=');
        if (entry.starts_with("TROUPE_") && equals != std::string_view::npos) {
            found.emplace(entry.substr(0, equals), entry.substr(equals + 1));
        }
    }
    return found;
}

} // namespace troupe::config
