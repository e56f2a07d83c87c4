#include "actors/name_server/kv_config.hpp"

namespace troupe::actors {

namespace {

result<void> check_name(const char* what, const std::string& name, std::size_t bytes_max) {
    if (name.empty())
        return error{errc::argument_illegal, std::string{"KV config: the "} + what + " is empty"};
    if (name.size() > bytes_max)
        return error{errc::argument_illegal, std::string{"KV config: the "} + what + " has " + std::to_string(name.size()) +
                                                 " bytes; at most " + std::to_string(bytes_max) + " are allowed"};
    return {};
}

} // namespace

result<void> kv_config::put(const std::string& name_space, const std::string& key, const std::string& value) {
    if (auto legal = check_name("namespace", name_space, allowed_.name_bytes_max); !legal)
        return legal;
    if (auto legal = check_name("key", key, allowed_.name_bytes_max); !legal)
        return legal;
    if (value.size() > allowed_.value_bytes_max)
        return error{errc::argument_illegal, "KV config: the value of " + key + " has " + std::to_string(value.size()) +
                                                 " bytes; at most " + std::to_string(allowed_.value_bytes_max) + " are allowed"};
    const auto* known = find(name_space, key);
    const auto entries = entries_ + (known == nullptr ? 1u : 0u);
    const auto bytes = known == nullptr ? bytes_ + name_space.size() + key.size() + value.size() : bytes_ - known->size() + value.size();
    if (entries > allowed_.entries_max || bytes > allowed_.bytes_max)
        return error{errc::busy, "KV config: this name server keeps at most " + std::to_string(allowed_.entries_max) + " keys and " +
                                     std::to_string(allowed_.bytes_max) + " bytes; delete what nobody needs"};
    namespaces_[name_space][key] = value;
    entries_ = entries;
    bytes_ = bytes;
    return {};
}

void kv_config::remove(const std::string& name_space, const std::string& key) {
    const auto table = namespaces_.find(name_space);
    if (table == namespaces_.end())
        return;
    const auto found = table->second.find(key);
    if (found == table->second.end())
        return;
    --entries_;
    bytes_ -= name_space.size() + key.size() + found->second.size();
    table->second.erase(found);
    if (table->second.empty())
        namespaces_.erase(table);
}

const std::string* kv_config::find(const std::string& name_space, const std::string& key) const {
    const auto* table = find_all(name_space);
    if (table == nullptr)
        return nullptr;
    const auto found = table->find(key);
    return found == table->end() ? nullptr : &found->second;
}

const protocol::key_value_table* kv_config::find_all(const std::string& name_space) const {
    const auto found = namespaces_.find(name_space);
    return found == namespaces_.end() ? nullptr : &found->second;
}

} // namespace troupe::actors
