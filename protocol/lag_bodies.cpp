#include "protocol/lag_bodies.hpp"

#include "protocol/body_codec.hpp"

namespace troupe::protocol {

namespace {

void write_lag(json_writer& json, const group_lag_entry& lag) {
    json.begin_object();
    json.text_member("group", lag.group);
    json.number_member("members", lag.members);
    json.number_member("messages", lag.messages);
    json.number_member("oldest", lag.oldest.value());
    json.number_member("measured", lag.measured.value());
    json.boolean_member("isSlow", lag.is_slow);
    json.end_object();
}

group_lag_entry read_lag(json_reader& json) {
    group_lag_entry lag;
    json.object([&](std::string_view key) {
        if (key == "group")
            lag.group = json.text();
        else if (key == "members")
            lag.members = json.integer<std::int32_t>();
        else if (key == "messages")
            lag.messages = json.integer<std::int64_t>();
        else if (key == "oldest")
            lag.oldest = timestamp_ms{json.integer<std::int64_t>()};
        else if (key == "measured")
            lag.measured = timestamp_ms{json.integer<std::int64_t>()};
        else if (key == "isSlow")
            lag.is_slow = json.boolean();
        else
            json.skip_member(key);
    });
    return lag;
}

} // namespace

std::string encode_group_lags(const std::vector<group_lag_entry>& lags) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "groups", lags, [&json](const group_lag_entry& lag) { write_lag(json, lag); });
    json.end_object();
    return out;
}

result<std::vector<group_lag_entry>> decode_group_lags(std::string_view json) {
    return decode_document<std::vector<group_lag_entry>>(json, "lags of groups",
                                                         [](json_reader& reader, std::string_view key, std::vector<group_lag_entry>& lags) {
                                                             if (key == "groups")
                                                                 reader.array([&] { lags.push_back(read_lag(reader)); });
                                                             else
                                                                 reader.skip_member(key);
                                                         });
}

} // namespace troupe::protocol
