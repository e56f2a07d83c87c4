#include "protocol/name_server_bodies.hpp"

#include "protocol/body_codec.hpp"
#include "protocol/config_json.hpp"

/// What holds brokers or queues is in route_bodies.cpp, with the routes.
namespace troupe::protocol {

result<data_version> decode_data_version(std::string_view json) {
    json_reader reader{json};
    const auto version = read_version(reader);
    if (auto fine = reader.finish("data version"); !fine)
        return fine.failure();
    return version;
}

std::string encode_kv_namespaces(const kv_namespaces& namespaces) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("configTable");
    json.begin_object();
    for (const auto& [name, table] : namespaces)
        write_text_map(json, name, table);
    json.end_object();
    json.end_object();
    return out;
}

result<kv_namespaces> decode_kv_namespaces(std::string_view json) {
    return decode_document<kv_namespaces>(json, "KV config", [](json_reader& reader, std::string_view key, kv_namespaces& namespaces) {
        if (key == "configTable")
            reader.object([&](std::string_view name) { namespaces.insert_or_assign(std::string{name}, read_text_map(reader)); });
        else
            reader.skip_member(key);
    });
}

} // namespace troupe::protocol
