#include "protocol/group_members.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

namespace {

described_member reader(std::string client_id, std::vector<subscription_data> subscriptions) {
    described_member member;
    member.connection.client_id = std::move(client_id);
    member.subscriptions = std::move(subscriptions);
    return member;
}

subscription_data tags(std::string topic, std::string expression, std::int64_t version = 1) {
    return {std::move(topic), std::move(expression), "TAG", version};
}

using voices = std::map<std::string, std::vector<std::string>>;

} // namespace

TEST_CASE("the members of a group come back with everything that is known of them") {
    const std::vector<described_member> members{{{"c1", "10.0.0.9:50123", language::go, 317},
                                                 consume_type::pop,
                                                 message_model::broadcasting,
                                                 consume_from::timestamp,
                                                 true,
                                                 {{"T1", "TagA || TagB", "TAG", 17}, {"T2", "a > 1", "SQL92", 18}},
                                                 {"10.0.0.9:50124", "[::1]:9"}},
                                                {{"c\"2", "[::1]:7", language::node_js, 479},
                                                 consume_type::actively,
                                                 message_model::clustering,
                                                 consume_from::first_offset,
                                                 false,
                                                 {},
                                                 {}}};
    const auto text = encode_group_members(members);
    CHECK(decode_group_members(text).value() == members);
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes)
        CHECK(decode_group_members(std::string_view{text}.substr(0, bytes)).code() == errc::protocol_error);
    for (const char* wrong : {"null", "[]", "1", R"({"members":[1]})"})
        CHECK(decode_group_members(wrong).code() == errc::protocol_error);
    CHECK(decode_group_members("{}").value().empty());
}

TEST_CASE("members that say the same in other words agree") {
    const auto agree = [](const subscription_data& one, const subscription_data& other) {
        const std::vector members{reader("a", {one}), reader("b", {other})};
        const bool none = find_differences("g", members).empty();
        CHECK(none == (stance_of("g", members[0]) == stance_of("g", members[1])));
        return none;
    };
    CHECK(agree(tags("t", "TagA || TagB", 1), tags("t", "TagB||TagA", 2)));
    CHECK(agree(tags("t", ""), tags("t", " * ")));
    CHECK(agree({"t", "a > 1", "SQL92", 1}, {"t", " a > 1 ", "SQL92", 1}));
    CHECK(agree({"t", "TagA", "", 1}, tags("t", "TagA")));
    CHECK_FALSE(agree(tags("t", "TagA"), tags("t", "TagB")));
    CHECK_FALSE(agree(tags("t", "TagA"), tags("t", "taga")));
    CHECK_FALSE(agree(tags("t", "TagA"), {"t", "TagA", "SQL92", 1}));
    CHECK_FALSE(agree(tags("t", "*"), tags("u", "*")));
}

TEST_CASE("what members differ in is named, with who says what") {
    auto a = reader("a", {tags("t", "TagA"), tags("u", "*"), tags("%RETRY%g", "*")});
    auto b = reader("b", {tags("t", "TagB || TagC")});
    auto c = reader("c", {tags("u", "*"), tags("t", "TagA")});
    c.model = message_model::broadcasting;
    c.from = consume_from::first_offset;
    auto silent = reader("d", {});
    silent.is_told = false;
    CHECK(find_differences("g", {}).empty());
    CHECK(find_differences("g", {a}).empty());
    CHECK(find_differences("g", {a, silent}).empty());
    const auto found = find_differences("g", {a, b, c, silent});
    REQUIRE(found.size() == 4);
    CHECK(found[0] == group_difference{"topic t", voices{{"TagA", {"a", "c"}}, {"TagB || TagC", {"b"}}}});
    CHECK(found[1] == group_difference{"topic u", voices{{"*", {"a", "c"}}, {"not subscribed", {"b"}}}});
    CHECK(found[2] == group_difference{"message model", voices{{"BROADCASTING", {"c"}}, {"CLUSTERING", {"a", "b"}}}});
    CHECK(found[3].what == "consume from");
    a.type = consume_type::actively;
    CHECK(find_differences("h", {a, reader("e", {tags("t", "TagA"), tags("u", "*")})}).size() == 2); // of another group it is a topic
}

TEST_CASE("differences fit into a line, however many there are and whatever clients say") {
    std::vector<described_member> members;
    for (char client = 'a'; client < 'g'; ++client)
        members.push_back(reader(std::string(1, client), {tags("t", "Tag"), tags("u", "x")}));
    members.push_back(reader("z", {tags("t", "new\nline" + std::string(500, 'y')), tags("u", "x")}));
    const auto line = describe_differences(find_differences("g", members));
    CHECK(line == "topic t: Tag (a, b, c and 3 more), new?line" + std::string(72, 'y') + "... (z)");
    std::vector<group_difference> many(7, group_difference{"topic t", voices{{"x", {"a"}}, {"y", {"b"}}}});
    CHECK(describe_differences(many, 2) == "topic t: x (a), y (b); topic t: x (a), y (b); and 5 more");
    CHECK(describe_differences({}).empty());
}
