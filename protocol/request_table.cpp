#include "protocol/request_table.hpp"

#include <algorithm>
#include <array>

namespace troupe::protocol {

namespace {

using role = request_role;
using resource = request_resource;
using action = request_action;

constexpr std::array all{
    request_kind{10, "SEND_MESSAGE", role::broker, resource::topic, action::pub, "store a message"},
    request_kind{11, "PULL_MESSAGE", role::broker, resource::topic_and_group, action::sub,
                 "read messages of a queue, waiting for them if there are none"},
    request_kind{12, "QUERY_MESSAGE", role::broker, resource::topic, action::get, "find messages by key or unique key"},
    request_kind{14, "QUERY_CONSUMER_OFFSET", role::broker, resource::topic_and_group, action::get, "how far a group has read"},
    request_kind{15, "UPDATE_CONSUMER_OFFSET", role::broker, resource::topic_and_group, action::update,
                 "remember how far a group has read"},
    request_kind{17, "UPDATE_AND_CREATE_TOPIC", role::broker, resource::topic, action::create, "create or change a topic"},
    request_kind{18, "UPDATE_AND_CREATE_TOPIC_LIST", role::broker, resource::topic, action::create, "create or change several topics"},
    request_kind{21, "GET_ALL_TOPIC_CONFIG", role::broker, resource::cluster, action::get, "settings of all topics"},
    request_kind{25, "UPDATE_BROKER_CONFIG", role::broker, resource::cluster, action::update, "change settings of a running broker"},
    request_kind{26, "GET_BROKER_CONFIG", role::broker, resource::cluster, action::get, "settings of a broker"},
    request_kind{28, "GET_BROKER_RUNTIME_INFO", role::broker, resource::cluster, action::get, "state and rates of a broker"},
    request_kind{29, "SEARCH_OFFSET_BY_TIMESTAMP", role::broker, resource::topic, action::get, "offset in a queue by time"},
    request_kind{30, "GET_MAX_OFFSET", role::broker, resource::topic, action::get, "the next offset of a queue"},
    request_kind{31, "GET_MIN_OFFSET", role::broker, resource::topic, action::get, "the first offset of a queue"},
    request_kind{32, "GET_EARLIEST_MSG_STORETIME", role::broker, resource::topic, action::get,
                 "store time of the first message of a queue"},
    request_kind{33, "VIEW_MESSAGE_BY_ID", role::broker, resource::topic, action::get, "the message at a log position"},
    request_kind{34, "HEART_BEAT", role::broker, resource::none, action::none,
                 "a client is alive, and this is what it produces and consumes"},
    request_kind{35, "UNREGISTER_CLIENT", role::broker, resource::none, action::none, "a client leaves its groups"},
    request_kind{36, "CONSUMER_SEND_MSG_BACK", role::broker, resource::group, action::sub,
                 "a consumer failed: deliver the message again later"},
    request_kind{37, "END_TRANSACTION", role::broker, resource::topic, action::pub, "commit or roll back a half message"},
    request_kind{38, "GET_CONSUMER_LIST_BY_GROUP", role::broker, resource::group, action::sub, "members of a group"},
    request_kind{39, "CHECK_TRANSACTION_STATE", role::client, resource::none, action::none, "what became of a half message"},
    request_kind{40, "NOTIFY_CONSUMER_IDS_CHANGED", role::client, resource::none, action::none, "the members of a group changed"},
    request_kind{41, "LOCK_BATCH_MQ", role::broker, resource::group, action::sub, "lock queues for an orderly consumer"},
    request_kind{42, "UNLOCK_BATCH_MQ", role::broker, resource::group, action::sub, "release locked queues"},
    request_kind{43, "GET_ALL_CONSUMER_OFFSET", role::broker, resource::cluster, action::get, "committed offsets of all groups"},
    request_kind{45, "GET_ALL_DELAY_OFFSET", role::broker, resource::cluster, action::get, "progress of the delay levels"},
    request_kind{46, "CHECK_CLIENT_CONFIG", role::broker, resource::group, action::sub, "whether a subscription can be served"},
    request_kind{50, "UPDATE_AND_CREATE_ACL_CONFIG", role::broker, resource::cluster, action::update,
                 "ACL 1.0: create or change an account"},
    request_kind{51, "DELETE_ACL_CONFIG", role::broker, resource::cluster, action::update, "ACL 1.0: delete an account"},
    request_kind{52, "GET_BROKER_CLUSTER_ACL_INFO", role::broker, resource::cluster, action::get, "ACL 1.0: versions of the account files"},
    request_kind{53, "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG", role::broker, resource::cluster, action::update, "ACL 1.0: change the white list"},
    request_kind{54, "GET_BROKER_CLUSTER_ACL_CONFIG", role::broker, resource::cluster, action::get, "ACL 1.0: all accounts"},
    request_kind{60, "GET_TIMER_CHECK_POINT", role::broker, resource::cluster, action::get, "progress of the timer store"},
    request_kind{61, "GET_TIMER_METRICS", role::broker, resource::cluster, action::get, "pending timers by topic"},
    request_kind{100, "PUT_KV_CONFIG", role::name_server, resource::cluster, action::update, "set a key of the name server's KV table"},
    request_kind{101, "GET_KV_CONFIG", role::name_server, resource::cluster, action::get, "one key of the KV table"},
    request_kind{102, "DELETE_KV_CONFIG", role::name_server, resource::cluster, action::update, "delete a key of the KV table"},
    request_kind{103, "REGISTER_BROKER", role::name_server, resource::cluster, action::update,
                 "a broker is alive, and these are its topics"},
    request_kind{104, "UNREGISTER_BROKER", role::name_server, resource::cluster, action::update, "a broker ends"},
    request_kind{105, "GET_ROUTEINFO_BY_TOPIC", role::name_server, resource::topic, action::get, "where a topic lives"},
    request_kind{106, "GET_BROKER_CLUSTER_INFO", role::name_server, resource::none, action::none, "all clusters and brokers"},
    request_kind{200, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", role::broker, resource::group, action::create, "create or change a group"},
    request_kind{201, "GET_ALL_SUBSCRIPTIONGROUP_CONFIG", role::broker, resource::cluster, action::get, "settings of all groups"},
    request_kind{202, "GET_TOPIC_STATS_INFO", role::broker, resource::topic, action::get, "bounds of each queue of a topic"},
    request_kind{203, "GET_CONSUMER_CONNECTION_LIST", role::broker, resource::group, action::get, "clients of a consumer group"},
    request_kind{204, "GET_PRODUCER_CONNECTION_LIST", role::broker, resource::cluster, action::get, "clients of a producer group"},
    request_kind{205, "WIPE_WRITE_PERM_OF_BROKER", role::name_server, resource::cluster, action::update,
                 "take a broker's topics out of writing"},
    request_kind{206, "GET_ALL_TOPIC_LIST_FROM_NAMESERVER", role::name_server, resource::none, action::none, "names of all topics"},
    request_kind{207, "DELETE_SUBSCRIPTIONGROUP", role::broker, resource::group, action::remove, "delete a group"},
    request_kind{208, "GET_CONSUME_STATS", role::broker, resource::topic_and_group, action::get, "progress of a group"},
    request_kind{215, "DELETE_TOPIC_IN_BROKER", role::broker, resource::topic, action::remove, "delete a topic"},
    request_kind{216, "DELETE_TOPIC_IN_NAMESRV", role::name_server, resource::cluster, action::update, "forget the routes of a topic"},
    request_kind{217, "REGISTER_TOPIC_IN_NAMESRV", role::name_server, resource::cluster, action::update, "add the routes of one topic"},
    request_kind{219, "GET_KVLIST_BY_NAMESPACE", role::name_server, resource::cluster, action::get, "a namespace of the KV table"},
    request_kind{220, "RESET_CONSUMER_CLIENT_OFFSET", role::client, resource::none, action::none, "continue at these offsets"},
    request_kind{221, "GET_CONSUMER_STATUS_FROM_CLIENT", role::client, resource::none, action::none, "how far a client has consumed"},
    request_kind{222, "INVOKE_BROKER_TO_RESET_OFFSET", role::broker, resource::topic_and_group, action::update,
                 "move a group to another offset"},
    request_kind{223, "INVOKE_BROKER_TO_GET_CONSUMER_STATUS", role::broker, resource::topic_and_group, action::get,
                 "how far each client of a group has consumed"},
    request_kind{224, "GET_TOPICS_BY_CLUSTER", role::name_server, resource::cluster, action::get, "topics of one cluster"},
    request_kind{225, "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST", role::broker, resource::group, action::create,
                 "create or change several groups"},
    request_kind{300, "QUERY_TOPIC_CONSUME_BY_WHO", role::broker, resource::topic, action::get, "groups that consume a topic"},
    request_kind{303, "QUERY_CONSUME_TIME_SPAN", role::broker, resource::topic_and_group, action::get, "age of what a group has consumed"},
    request_kind{304, "GET_SYSTEM_TOPIC_LIST_FROM_NS", role::name_server, resource::cluster, action::get,
                 "topics named after clusters and brokers"},
    request_kind{305, "GET_SYSTEM_TOPIC_LIST_FROM_BROKER", role::broker, resource::cluster, action::get, "system topics of a broker"},
    request_kind{306, "CLEAN_EXPIRED_CONSUMEQUEUE", role::broker, resource::cluster, action::update,
                 "drop index of what retention removed"},
    request_kind{307, "GET_CONSUMER_RUNNING_INFO", role::broker, resource::group, action::get,
                 "what a client says of itself; passed on to it"},
    request_kind{308, "QUERY_CORRECTION_OFFSET", role::broker, resource::topic_and_group, action::get,
                 "offsets of several groups against one"},
    request_kind{309, "CONSUME_MESSAGE_DIRECTLY", role::broker, resource::topic_and_group, action::sub,
                 "let one client consume one message; passed on to it"},
    request_kind{310, "SEND_MESSAGE_V2", role::broker, resource::topic, action::pub, "store a message, with short field names"},
    request_kind{311, "GET_UNIT_TOPIC_LIST", role::name_server, resource::cluster, action::get, "topics with the unit flag"},
    request_kind{312, "GET_HAS_UNIT_SUB_TOPIC_LIST", role::name_server, resource::cluster, action::get,
                 "topics with the unit subscription flag"},
    request_kind{313, "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST", role::name_server, resource::cluster, action::get,
                 "topics with only the unit subscription flag"},
    request_kind{314, "CLONE_GROUP_OFFSET", role::broker, resource::topic_and_group, action::update,
                 "copy offsets from one group to another"},
    request_kind{315, "VIEW_BROKER_STATS_DATA", role::broker, resource::cluster, action::get,
                 "one counter over a minute, an hour and a day"},
    request_kind{316, "CLEAN_UNUSED_TOPIC", role::broker, resource::cluster, action::update, "drop queues that no topic has"},
    request_kind{317, "GET_BROKER_CONSUME_STATS", role::broker, resource::cluster, action::get, "progress of all groups"},
    request_kind{318, "UPDATE_NAMESRV_CONFIG", role::name_server, resource::cluster, action::update, "change settings of a name server"},
    request_kind{319, "GET_NAMESRV_CONFIG", role::name_server, resource::cluster, action::get, "settings of a name server"},
    request_kind{320, "SEND_BATCH_MESSAGE", role::broker, resource::topic, action::pub, "store several messages in one queue"},
    request_kind{321, "QUERY_CONSUME_QUEUE", role::broker, resource::topic_and_group, action::get,
                 "index entries of a queue, and which of them a group wants"},
    request_kind{322, "QUERY_DATA_VERSION", role::name_server, resource::cluster, action::get, "whether a broker's topics are known"},
    request_kind{323, "RESUME_CHECK_HALF_MESSAGE", role::broker, resource::topic, action::update,
                 "go on with a transaction that was given up"},
    request_kind{324, "SEND_REPLY_MESSAGE", role::broker, resource::topic, action::pub, "answer a request message"},
    request_kind{325, "SEND_REPLY_MESSAGE_V2", role::broker, resource::topic, action::pub,
                 "answer a request message, with short field names"},
    request_kind{326, "PUSH_REPLY_MESSAGE_TO_CLIENT", role::client, resource::none, action::none, "the answer to a request message"},
    request_kind{327, "ADD_WRITE_PERM_OF_BROKER", role::name_server, resource::cluster, action::update,
                 "let a broker's topics be written again"},
    request_kind{328, "GET_ALL_PRODUCER_INFO", role::broker, resource::cluster, action::get, "all connected producers"},
    request_kind{329, "DELETE_EXPIRED_COMMITLOG", role::broker, resource::cluster, action::update, "run retention now"},
    request_kind{343, "QUERY_TOPICS_BY_CONSUMER", role::broker, resource::group, action::get, "topics that a group has offsets on"},
    request_kind{345, "QUERY_SUBSCRIPTION_BY_CONSUMER", role::broker, resource::topic_and_group, action::get,
                 "what a group has subscribed to"},
    request_kind{351, "GET_TOPIC_CONFIG", role::broker, resource::topic, action::get, "settings of one topic"},
    request_kind{352, "GET_SUBSCRIPTIONGROUP_CONFIG", role::broker, resource::group, action::get, "settings of one group"},
    request_kind{353, "UPDATE_AND_GET_GROUP_FORBIDDEN", role::broker, resource::topic_and_group, action::update,
                 "forbid a group to read a topic"},
    request_kind{354, "CHECK_ROCKSDB_CQ_WRITE_PROGRESS", role::broker, resource::topic, action::get, "compare two kinds of index"},
    request_kind{355, "EXPORT_ROCKSDB_CONFIG_TO_JSON", role::broker, resource::cluster, action::get, "write settings as JSON files"},
    request_kind{361, "LITE_PULL_MESSAGE", role::broker, resource::topic_and_group, action::sub,
                 "as PULL_MESSAGE, from lite pull consumers"},
    request_kind{370, "RECALL_MESSAGE", role::broker, resource::topic, action::pub, "cancel a timed message"},
    request_kind{400, "QUERY_ASSIGNMENT", role::broker, resource::topic_and_group, action::sub, "which queues a member of a group gets"},
    request_kind{401, "SET_MESSAGE_REQUEST_MODE", role::broker, resource::topic_and_group, action::update, "let a group pull or pop"},
    request_kind{402, "GET_ALL_MESSAGE_REQUEST_MODE", role::broker, resource::cluster, action::get, "which groups pull and which pop"},
    request_kind{513, "UPDATE_AND_CREATE_STATIC_TOPIC", role::broker, resource::topic, action::create, "create a topic with global queues"},
    request_kind{901, "GET_BROKER_MEMBER_GROUP", role::name_server, resource::cluster, action::get, "addresses of one broker set"},
    request_kind{902, "ADD_BROKER", role::broker, resource::cluster, action::update, "add a broker to a container"},
    request_kind{903, "REMOVE_BROKER", role::broker, resource::cluster, action::update, "take a broker out of a container"},
    request_kind{904, "BROKER_HEARTBEAT", role::name_server, resource::cluster, action::update, "a broker is alive"},
    request_kind{905, "NOTIFY_MIN_BROKER_ID_CHANGE", role::broker, resource::cluster, action::update,
                 "another broker of the set is the lowest now"},
    request_kind{906, "EXCHANGE_BROKER_HA_INFO", role::broker, resource::cluster, action::update, "addresses for replication"},
    request_kind{907, "GET_BROKER_HA_STATUS", role::broker, resource::cluster, action::get, "state of replication"},
    request_kind{908, "RESET_MASTER_FLUSH_OFFSET", role::broker, resource::cluster, action::update, "set the flushed position of a master"},
    request_kind{1001, "CONTROLLER_ALTER_SYNC_STATE_SET", role::controller, resource::cluster, action::update,
                 "change the set of replicas in sync"},
    request_kind{1002, "CONTROLLER_ELECT_MASTER", role::controller, resource::cluster, action::update, "elect a master"},
    request_kind{1003, "CONTROLLER_REGISTER_BROKER", role::controller, resource::cluster, action::update, "a replica is there"},
    request_kind{1004, "CONTROLLER_GET_REPLICA_INFO", role::controller, resource::cluster, action::get, "master of a broker set"},
    request_kind{1005, "CONTROLLER_GET_METADATA_INFO", role::controller, resource::cluster, action::get, "who leads the controllers"},
    request_kind{1006, "CONTROLLER_GET_SYNC_STATE_DATA", role::controller, resource::cluster, action::get, "replicas in sync"},
    request_kind{1007, "GET_BROKER_EPOCH_CACHE", role::broker, resource::cluster, action::get, "epochs of the log"},
    request_kind{1008, "NOTIFY_BROKER_ROLE_CHANGED", role::broker, resource::cluster, action::update, "a broker becomes master or slave"},
    request_kind{1009, "UPDATE_CONTROLLER_CONFIG", role::controller, resource::cluster, action::update, "change settings of a controller"},
    request_kind{1010, "GET_CONTROLLER_CONFIG", role::controller, resource::cluster, action::get, "settings of a controller"},
    request_kind{1011, "CLEAN_BROKER_DATA", role::controller, resource::cluster, action::update, "forget replicas"},
    request_kind{1012, "CONTROLLER_GET_NEXT_BROKER_ID", role::controller, resource::cluster, action::get, "a free broker id"},
    request_kind{1013, "CONTROLLER_APPLY_BROKER_ID", role::controller, resource::cluster, action::update, "take a broker id"},
    request_kind{2001, "UPDATE_COLD_DATA_FLOW_CTR_CONFIG", role::broker, resource::cluster, action::update, "limit reads of old data"},
    request_kind{2002, "REMOVE_COLD_DATA_FLOW_CTR_CONFIG", role::broker, resource::cluster, action::update,
                 "lift a limit of reads of old data"},
    request_kind{2003, "GET_COLD_DATA_FLOW_CTR_INFO", role::broker, resource::cluster, action::get, "limits of reads of old data"},
    request_kind{2004, "SET_COMMITLOG_READ_MODE", role::broker, resource::cluster, action::update, "read ahead of the log"},
    request_kind{3001, "AUTH_CREATE_USER", role::broker, resource::cluster, action::update, "ACL 2.0: create a user"},
    request_kind{3002, "AUTH_UPDATE_USER", role::broker, resource::cluster, action::update, "ACL 2.0: change a user"},
    request_kind{3003, "AUTH_DELETE_USER", role::broker, resource::cluster, action::update, "ACL 2.0: delete a user"},
    request_kind{3004, "AUTH_GET_USER", role::broker, resource::cluster, action::get, "ACL 2.0: one user"},
    request_kind{3005, "AUTH_LIST_USER", role::broker, resource::cluster, action::get, "ACL 2.0: all users"},
    request_kind{3006, "AUTH_CREATE_ACL", role::broker, resource::cluster, action::update, "ACL 2.0: create a policy"},
    request_kind{3007, "AUTH_UPDATE_ACL", role::broker, resource::cluster, action::update, "ACL 2.0: change a policy"},
    request_kind{3008, "AUTH_DELETE_ACL", role::broker, resource::cluster, action::update, "ACL 2.0: delete a policy"},
    request_kind{3009, "AUTH_GET_ACL", role::broker, resource::cluster, action::get, "ACL 2.0: the policies of one user"},
    request_kind{3010, "AUTH_LIST_ACL", role::broker, resource::cluster, action::get, "ACL 2.0: all policies"},
    request_kind{70'001, "TROUPE_LIST_TRANSACTIONS", role::broker, resource::topic, action::get,
                 "half messages without an outcome (Troupe's own)"},
    request_kind{70'011, "TROUPE_LIST_TIMERS", role::broker, resource::cluster, action::get,
                 "Troupe's own: pending timed messages, in the order in which they are due"},
    request_kind{70'012, "TROUPE_FIND_TIMER", role::broker, resource::topic, action::get, "Troupe's own: one pending timed message"},
    request_kind{70'013, "TROUPE_CANCEL_TIMER", role::broker, resource::topic, action::update,
                 "Troupe's own: cancel a timed message by its unique key"},
    request_kind{70'021, "TROUPE_LIST_MEMBERS", role::broker, resource::group, action::get,
                 "Troupe's own: members of a group with what each subscribes to"},
    request_kind{70'031, "TROUPE_LIST_DEAD_LETTERS", role::broker, resource::group, action::get,
                 "Troupe's own: how many dead letters groups have, and since when"},
    request_kind{70'032, "TROUPE_READ_QUEUE", role::broker, resource::topic, action::get,
                 "Troupe's own: messages of a queue from an offset on, in no group"},
    request_kind{70'033, "TROUPE_RESEND_DEAD_LETTERS", role::broker, resource::group, action::update,
                 "Troupe's own: give dead letters to their group again"},
    request_kind{70'041, "TROUPE_TRACE_MESSAGE", role::broker, resource::topic, action::get,
                 "Troupe's own: to whom a message was handed, and who is done with it"},
    request_kind{70'051, "TROUPE_LIST_LAGS", role::broker, resource::group, action::get,
                 "Troupe's own: how far groups are behind, and which are slow"},
    request_kind{200050, "POP_MESSAGE", role::broker, resource::topic_and_group, action::sub, "take messages of any queue for a while"},
    request_kind{200051, "ACK_MESSAGE", role::broker, resource::topic_and_group, action::sub, "a taken message is done"},
    request_kind{200052, "PEEK_MESSAGE", role::broker, resource::topic_and_group, action::sub, "look at messages without taking them"},
    request_kind{200053, "CHANGE_MESSAGE_INVISIBLETIME", role::broker, resource::topic_and_group, action::sub,
                 "keep a taken message for longer"},
    request_kind{200054, "NOTIFICATION", role::broker, resource::topic_and_group, action::sub, "wait for messages to take"},
    request_kind{200055, "POLLING_INFO", role::broker, resource::topic_and_group, action::sub, "how many wait for messages"},
    request_kind{200056, "POP_ROLLBACK", role::broker, resource::cluster, action::update, "move pop records back to files"},
    request_kind{200151, "BATCH_ACK_MESSAGE", role::broker, resource::topic_and_group, action::sub, "several taken messages are done"},
};

// Looked up by halving.
static_assert(std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.code < b.code; }));

std::string_view name_of(resource what) {
    switch (what) {
    case resource::cluster: return "Cluster";
    case resource::topic: return "Topic";
    case resource::group: return "Group";
    case resource::topic_and_group: return "Topic + Group";
    default: return "-";
    }
}

std::string_view name_of(action what) {
    switch (what) {
    case action::pub: return "Pub";
    case action::sub: return "Sub";
    case action::get: return "Get";
    case action::update: return "Update";
    case action::create: return "Create";
    case action::remove: return "Delete";
    default: return "-";
    }
}

} // namespace

std::span<const request_kind> request_table() {
    return all;
}

const request_kind* find_request(std::int32_t code) {
    const auto* found =
        std::lower_bound(all.begin(), all.end(), code, [](const request_kind& kind, std::int32_t wanted) { return kind.code < wanted; });
    return found != all.end() && found->code == code ? found : nullptr;
}

std::string describe_request(std::int32_t code) {
    const auto* known = find_request(code);
    return std::to_string(code) + (known == nullptr ? "" : " (" + std::string{known->name} + ")");
}

std::string_view to_string_view(request_role role) {
    switch (role) {
    case request_role::name_server: return "name server";
    case request_role::client: return "client";
    case request_role::controller: return "controller";
    default: return "broker";
    }
}

std::string permission_text(const request_kind& kind) {
    if (kind.resource == resource::none)
        return "-";
    return std::string{name_of(kind.resource)} + " : " + std::string{name_of(kind.action)};
}

} // namespace troupe::protocol
