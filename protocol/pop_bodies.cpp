#include "protocol/pop_bodies.hpp"

#include "protocol/body_codec.hpp"
#include "protocol/queue_codec.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <utility>

namespace troupe::protocol {

namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t handle_parts = 8;
constexpr std::size_t offset_entries_max = 65'536;

template <class Number>
bool parse(std::string_view text, Number& number) {
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end;
}
template <class Tag, class Rep>
bool parse(std::string_view text, tagged_number<Tag, Rep>& number) {
    Rep value{};
    if (!parse(text, value))
        return false;
    number = tagged_number<Tag, Rep>{value};
    return true;
}

/// Takes what stands before the next `separator` off the front; everything when there is none.
std::string_view take_part(std::string_view& rest, char separator) {
    const auto end = rest.find(separator);
    const auto part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return part;
}

/// The set as Java's BitSet writes it: bit n is offset first + n, in bytes without zeros at the end.
std::string encode_offset_set(queue_offset first, const std::vector<queue_offset>& offsets) {
    std::string bytes;
    for (const auto offset : offsets) {
        const auto bit = static_cast<std::size_t>(offset - first);
        if (bytes.size() <= bit / 8)
            bytes.resize(bit / 8 + 1);
        bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) | 1u << bit % 8);
    }
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto part = std::string_view{bytes}.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i)
            text.push_back(i <= part.size() ? base64_digits[bits >> (18 - 6 * i) & 63] : '=');
    }
    return text;
}

/// nullopt: no base64, or a set that is too wide or too full.
std::optional<std::vector<std::int64_t>> decode_offset_set(std::string_view text) {
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    if (text.size() % 4 == 1 || static_cast<std::int64_t>(text.size()) * 6 > ack_span_max + 16)
        return std::nullopt;
    std::vector<std::int64_t> set;
    std::uint32_t bits = 0;
    int count = 0;
    std::int64_t base = 0;
    for (const char c : text) {
        const auto digit = base64_digits.find(c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        for (std::int64_t bit = 0; bit < 8; ++bit)
            if ((bits >> count >> bit & 1u) != 0)
                set.push_back(base + bit);
        base += 8;
    }
    const bool fits = set.size() <= acks_per_request_max && (set.empty() || set.back() < ack_span_max);
    return fits ? std::optional{std::move(set)} : std::nullopt;
}

batch_ack read_ack(json_reader& json) {
    batch_ack ack;
    std::string set;
    json.object([&](std::string_view key) {
        if (key == "c" || key == "consumerGroup")
            ack.group = json.text();
        else if (key == "t" || key == "topic")
            ack.topic = json.text();
        else if (key == "r" || key == "retry")
            ack.retry_flag = json.integer<std::int32_t>();
        else if (key == "so" || key == "startOffset")
            ack.start = queue_offset{json.integer<std::int64_t>()};
        else if (key == "q" || key == "queueId")
            ack.queue = queue_id{json.integer<std::int32_t>()};
        else if (key == "rq" || key == "reviveQueueId")
            ack.revive_queue = json.integer<std::int32_t>();
        else if (key == "pt" || key == "popTime")
            ack.popped = timestamp_ms{json.integer<std::int64_t>()};
        else if (key == "it" || key == "invisibleTime")
            ack.invisible_ms = json.integer<std::int64_t>();
        else if (key == "b" || key == "bitSet")
            set = json.text();
        else
            json.skip_member(key);
    });
    const auto bits = decode_offset_set(set);
    constexpr auto start_max = std::numeric_limits<std::int64_t>::max() - ack_span_max;
    if (!bits || ack.start.value() < 0 || ack.start.value() > start_max) {
        json.fail("the set of offsets of an ack is wrong");
        return ack;
    }
    for (const auto bit : *bits)
        ack.offsets.push_back(ack.start + bit);
    return ack;
}

void write_ack(json_writer& json, const batch_ack& ack) {
    json.begin_object();
    json.text_member("b", encode_offset_set(ack.start, ack.offsets));
    json.text_member("c", ack.group);
    json.number_member("it", ack.invisible_ms);
    json.number_member("pt", ack.popped.value());
    json.number_member("q", ack.queue.value());
    json.text_member("r", std::to_string(ack.retry_flag));
    json.number_member("rq", ack.revive_queue);
    json.number_member("so", ack.start.value());
    json.text_member("t", ack.topic);
    json.end_object();
}

error wrong(std::string_view what) {
    return {errc::protocol_error, std::string{what} + " cannot be read"};
}

/// How often messages of ordered pops were delivered before: each, or the least of a queue (RocketMQ: orderCountInfo).
struct delivery_counts {
    std::map<std::pair<queue_id, queue_offset>, std::int32_t> of_message;
    std::map<queue_id, std::int32_t> of_queue;

    [[nodiscard]] std::int32_t find(queue_id queue, queue_offset offset) const {
        if (const auto one = of_message.find({queue, offset}); one != of_message.end())
            return one->second;
        const auto least = of_queue.find(queue);
        return least == of_queue.end() ? 0 : least->second;
    }
};

std::optional<delivery_counts> decode_order_counts(std::string_view text) {
    constexpr std::string_view of_message = "qo";
    delivery_counts counts;
    std::size_t entries = 0;
    while (!text.empty()) {
        auto entry = take_part(text, ';');
        const auto flag = take_part(entry, ' ');
        auto what = take_part(entry, ' ');
        std::int32_t count = 0;
        if (!parse(entry, count) || count < 0 || ++entries > offset_entries_max)
            return std::nullopt;
        const bool is_of_message = what.starts_with(of_message);
        if (is_of_message)
            what.remove_prefix(of_message.size());
        queue_id queue;
        queue_offset offset;
        if (!parse(is_of_message ? take_part(what, '%') : what, queue) || (is_of_message && !parse(what, offset)))
            return std::nullopt;
        if (flag != "0")
            continue;
        if (is_of_message)
            counts.of_message.insert_or_assign({queue, offset}, count);
        else
            counts.of_queue.insert_or_assign(queue, count);
    }
    return counts;
}

} // namespace

// ---- handles --------------------------------------------------------------------------------------------------------

std::string encode_receipt_handle(const receipt_handle& handle) {
    std::string text = to_string(handle.start);
    for (const auto& part : {to_string(handle.popped), std::to_string(handle.invisible_ms), std::to_string(handle.revive_queue),
                             std::to_string(handle.retry_flag), handle.broker_name, to_string(handle.queue), to_string(handle.offset)})
        text.append(" ").append(part);
    return text;
}

result<receipt_handle> decode_receipt_handle(std::string_view text) {
    std::array<std::string_view, handle_parts> parts;
    const error illegal{errc::protocol_error, "the receipt handle is invalid; give it back as the pop had it"};
    if (static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) != handle_parts - 1)
        return illegal;
    for (auto& part : parts)
        part = take_part(text, ' ');
    receipt_handle handle;
    handle.broker_name = parts[5];
    const bool parsed = parse(parts[0], handle.start) && parse(parts[1], handle.popped) && parse(parts[2], handle.invisible_ms) &&
                        parse(parts[3], handle.revive_queue) && parse(parts[4], handle.retry_flag) && parse(parts[6], handle.queue) &&
                        parse(parts[7], handle.offset);
    const bool is_possible = handle.offset.value() >= 0 && handle.popped.value() >= 0 && !handle.broker_name.empty();
    return parsed && is_possible ? result<receipt_handle>{std::move(handle)} : illegal;
}

// ---- offsets of a pop -----------------------------------------------------------------------------------------------

std::string encode_start_offsets(const std::vector<popped_queue>& queues) {
    std::string text;
    for (const auto& one : queues)
        text.append(text.empty() ? "0 " : ";0 ").append(to_string(one.queue)).append(" ").append(to_string(one.start));
    return text;
}

std::string encode_message_offsets(const std::vector<popped_queue>& queues) {
    std::string text;
    for (const auto& one : queues) {
        text.append(text.empty() ? "0 " : ";0 ").append(to_string(one.queue)).append(" ");
        for (std::size_t i = 0; i < one.offsets.size(); ++i)
            text.append(i == 0 ? "" : ",").append(to_string(one.offsets[i]));
    }
    return text;
}

std::string encode_order_counts(const std::vector<popped_queue>& queues) {
    std::string text;
    for (const auto& one : queues) {
        // For clients that do not know messages apart: a new one must not be taken for one that was tried often.
        const auto least = one.deliveries.empty() ? 0 : *std::min_element(one.deliveries.begin(), one.deliveries.end());
        const auto queue = to_string(one.queue);
        text.append(text.empty() ? "0 " : ";0 ").append(queue).append(" ").append(std::to_string(least));
        for (std::size_t i = 0; i < one.deliveries.size() && i < one.offsets.size(); ++i)
            text.append(";0 qo")
                .append(queue)
                .append("%")
                .append(to_string(one.offsets[i]))
                .append(" ")
                .append(std::to_string(one.deliveries[i]));
    }
    return text;
}

result<std::vector<popped_queue>> decode_popped_queues(std::string_view start_offsets, std::string_view message_offsets,
                                                       std::string_view order_counts) {
    std::vector<popped_queue> queues;
    std::size_t entries = 0;
    for (auto rest = start_offsets; !rest.empty();) {
        auto entry = take_part(rest, ';');
        const auto flag = take_part(entry, ' ');
        popped_queue one;
        if (!parse(take_part(entry, ' '), one.queue) || !parse(entry, one.start) || ++entries > offset_entries_max)
            return wrong("startOffsetInfo");
        if (flag == "0")
            queues.push_back(std::move(one));
    }
    for (auto rest = message_offsets; !rest.empty();) {
        auto entry = take_part(rest, ';');
        const auto flag = take_part(entry, ' ');
        queue_id queue;
        if (!parse(take_part(entry, ' '), queue))
            return wrong("msgOffsetInfo");
        const auto known = std::find_if(queues.begin(), queues.end(), [queue](const auto& one) { return one.queue == queue; });
        while (!entry.empty()) {
            queue_offset offset;
            if (!parse(take_part(entry, ','), offset) || ++entries > offset_entries_max)
                return wrong("msgOffsetInfo");
            if (flag == "0" && known != queues.end())
                known->offsets.push_back(offset);
        }
    }
    if (order_counts.empty())
        return queues;
    const auto counts = decode_order_counts(order_counts);
    if (!counts)
        return wrong("orderCountInfo");
    for (auto& one : queues)
        for (const auto offset : one.offsets)
            one.deliveries.push_back(counts->find(one.queue, offset));
    return queues;
}

// ---- batches of acks ------------------------------------------------------------------------------------------------

std::string encode_batch_ack_request(const batch_ack_request& request) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "acks", request.acks, [&json](const batch_ack& ack) { write_ack(json, ack); });
    json.text_member("brokerName", request.broker_name);
    json.end_object();
    return out;
}

result<batch_ack_request> decode_batch_ack_request(std::string_view json) {
    std::size_t messages = 0;
    return decode_document<batch_ack_request>(json, "batch of acks",
                                              [&messages](json_reader& reader, std::string_view key, batch_ack_request& request) {
                                                  if (key == "brokerName")
                                                      request.broker_name = reader.text();
                                                  else if (key == "acks")
                                                      reader.array([&] {
                                                          auto ack = read_ack(reader);
                                                          messages += 1 + ack.offsets.size();
                                                          if (messages > acks_per_request_max)
                                                              return reader.fail("more acks than one request may have");
                                                          request.acks.push_back(std::move(ack));
                                                      });
                                                  else
                                                      reader.skip_member(key);
                                              });
}

// ---- assignments ----------------------------------------------------------------------------------------------------

std::string encode_assignment_request(const assignment_request& request) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("clientId", request.client_id);
    json.text_member("consumerGroup", request.group);
    json.text_member("messageModel", request.is_broadcasting ? "BROADCASTING" : "CLUSTERING");
    json.text_member("strategyName", request.strategy);
    json.text_member("topic", request.topic);
    json.end_object();
    return out;
}

result<assignment_request> decode_assignment_request(std::string_view json) {
    return decode_document<assignment_request>(json, "question for an assignment",
                                               [](json_reader& reader, std::string_view key, assignment_request& request) {
                                                   if (key == "clientId")
                                                       request.client_id = reader.text();
                                                   else if (key == "consumerGroup")
                                                       request.group = reader.text();
                                                   else if (key == "messageModel")
                                                       request.is_broadcasting = reader.text() == "BROADCASTING";
                                                   else if (key == "strategyName")
                                                       request.strategy = reader.text();
                                                   else if (key == "topic")
                                                       request.topic = reader.text();
                                                   else
                                                       reader.skip_member(key);
                                               });
}

std::string encode_assignments(const std::vector<queue_assignment>& assignments) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "messageQueueAssignments", assignments, [&json](const queue_assignment& one) {
        json.begin_object();
        json.key("messageQueue");
        write_queue(json, one.queue);
        json.text_member("mode", one.is_pop ? "POP" : "PULL");
        json.end_object();
    });
    json.end_object();
    return out;
}

result<std::vector<queue_assignment>> decode_assignments(std::string_view json) {
    using assignments = std::vector<queue_assignment>;
    return decode_document<assignments>(json, "assignment", [](json_reader& reader, std::string_view key, assignments& all) {
        if (key != "messageQueueAssignments")
            return reader.skip_member(key);
        reader.array([&] {
            queue_assignment one;
            reader.object([&](std::string_view member) {
                if (member == "messageQueue")
                    one.queue = read_queue(reader);
                else if (member == "mode")
                    one.is_pop = reader.text() == "POP";
                else
                    reader.skip_member(member);
            });
            all.push_back(std::move(one));
        });
    });
}

} // namespace troupe::protocol
