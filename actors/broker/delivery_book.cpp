#include "actors/broker/delivery_book.hpp"

#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/messages.hpp"
#include "actors/messages/pop_messages.hpp"
#include "protocol/message_codec.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::actors {

namespace {

/// Clients of one group that read one queue in turns, as when broadcasting, are told apart only as far back as this.
constexpr std::size_t entries_looked_at = 8;
/// A larger gap between two pulls is no filter: somebody moved the group.
constexpr std::int64_t filtered_gap_max = 1'000;
/// A range without gaps is not put to one with gaps from so many messages on.
constexpr std::int64_t exact_messages_max = 4;

} // namespace

delivery_book::delivery_book(timestamp_ms since, delivery_book_options options) : options_{options}, forgotten_until_{since} {}

void delivery_book::name_client(std::uint64_t connection, std::string_view client_id) {
    const std::lock_guard lock{mutex_};
    clients_[connection] = client_id;
    while (clients_.size() > options_.clients_max)
        clients_.erase(clients_.begin());
}

void delivery_book::note(std::string_view group, const topic_queue& queue, queue_offset first, queue_offset end, bool is_partial,
                         std::uint64_t connection, timestamp_ms now) {
    const std::lock_guard lock{mutex_};
    auto& one = track_of(group, queue);
    const entry next{first, end, now, now, connection, is_partial};
    if (extend(one, next))
        return;
    make_room(one);
    one.entries.push_back(next);
    ++entries_;
    while (entries_ > options_.entries_max)
        evict();
}

delivery_book::track& delivery_book::track_of(std::string_view group, const topic_queue& queue) {
    auto& groups = by_queue_[queue];
    const auto known = std::find_if(groups.begin(), groups.end(), [group](const auto& one) { return one->group == group; });
    if (known != groups.end()) {
        tracks_.splice(tracks_.end(), tracks_, *known);
        return **known;
    }
    tracks_.push_back({queue, std::string{group}, {}, {}});
    groups.push_back(std::prev(tracks_.end()));
    return tracks_.back();
}

bool delivery_book::extend(track& one, const entry& next) const {
    std::size_t looked_at = 0;
    for (auto last = one.entries.rbegin(); last != one.entries.rend() && looked_at < entries_looked_at; ++last, ++looked_at) {
        if (last->connection != next.connection)
            continue;
        const bool again = last->first == next.first && last->end == next.end;
        const auto gap = again ? 0 : next.first - last->end; // what the client's filter left out, if it is small
        if (gap < 0 || gap > filtered_gap_max || next.ended - last->began > options_.entry_span_max.count())
            return false;
        // What is known exactly stays so: only what comes one by one, as a filter lets it through, becomes a range with gaps.
        const bool loses = !last->is_partial && (next.is_partial || gap > 0);
        if (loses && last->end - last->first > exact_messages_max)
            return false;
        last->is_partial = last->is_partial || next.is_partial || gap > 0;
        last->end = next.end;
        last->ended = next.ended;
        return true;
    }
    return false;
}

void delivery_book::make_room(track& one) {
    if (one.entries.size() < options_.entries_per_queue_max)
        return;
    const auto alike = [](const entry& left, const entry& right) {
        return left.connection == right.connection && left.end == right.first && left.is_partial == right.is_partial;
    };
    const auto pair = std::adjacent_find(one.entries.begin(), one.entries.end(), alike);
    if (pair != one.entries.end()) {
        const auto second = std::next(pair);
        second->first = pair->first;
        second->began = pair->began;
        one.entries.erase(pair);
    } else {
        one.forgotten_until = std::max(one.forgotten_until, one.entries.front().ended);
        one.entries.pop_front();
    }
    --entries_;
}

delivery_book::track_list::iterator delivery_book::drop(track_list::iterator one) {
    entries_ -= one->entries.size();
    const auto groups = by_queue_.find(one->queue);
    std::erase(groups->second, one);
    if (groups->second.empty())
        by_queue_.erase(groups);
    return tracks_.erase(one);
}

/// The longest idle as a whole; a track that is alone loses its oldest entry.
void delivery_book::evict() {
    auto& oldest = tracks_.front();
    if (tracks_.size() == 1) {
        oldest.forgotten_until = std::max(oldest.forgotten_until, oldest.entries.front().ended);
        oldest.entries.pop_front();
        --entries_;
        return;
    }
    if (!oldest.entries.empty())
        forgotten_until_ = std::max(forgotten_until_, oldest.entries.back().ended);
    forgotten_until_ = std::max(forgotten_until_, oldest.forgotten_until);
    drop(tracks_.begin());
}

delivery_book::found delivery_book::find(const topic_queue& queue, queue_offset offset) const {
    const std::lock_guard lock{mutex_};
    found result;
    result.complete_since = forgotten_until_;
    const auto groups = by_queue_.find(queue);
    if (groups == by_queue_.end())
        return result;
    for (const auto& one : groups->second) {
        result.complete_since = std::max(result.complete_since, one->forgotten_until);
        for (const auto& each : one->entries) {
            if (offset < each.first || each.end <= offset)
                continue;
            const auto client = clients_.find(each.connection);
            result.by_group[one->group].push_back(
                {client == clients_.end() ? std::string{} : client->second, each.began, each.ended, each.is_partial});
        }
    }
    return result;
}

template <class Predicate>
void delivery_book::forget_if(Predicate wanted) {
    const std::lock_guard lock{mutex_};
    for (auto one = tracks_.begin(); one != tracks_.end();)
        one = wanted(*one) ? drop(one) : std::next(one);
}

void delivery_book::forget_topic(std::string_view topic) {
    forget_if([topic](const track& one) { return one.queue.topic == topic; });
}

void delivery_book::forget_group(std::string_view group) {
    forget_if([group](const track& one) { return one.group == group; });
}

std::size_t delivery_book::entries() const {
    const std::lock_guard lock{mutex_};
    return entries_;
}

std::int64_t note_handed_out(traffic_statistics& traffic, delivery_book& book, const std::string& group, const topic_queue& queue,
                             const messages_pulled& answer, std::uint64_t connection, timestamp_ms now) {
    auto rest = answer.records.view();
    std::int64_t messages = 0;
    queue_offset first;
    queue_offset last;
    while (!rest.empty()) {
        const auto bytes = protocol::record_size(rest);
        if (!bytes || *bytes < protocol::record_bytes_min)
            break; // the client will see, too
        last = protocol::record_offset(rest);
        if (messages++ == 0)
            first = last;
        rest.remove_prefix(*bytes);
    }
    if (messages == 0)
        return 0;
    traffic.handed_out(group, queue, messages, static_cast<std::int64_t>(answer.records.size()));
    // A filter may have left out what is in front of the first and behind the last message as well: that was not handed out.
    book.note(group, queue, first, last + 1, messages != last + 1 - first, connection, now);
    return messages;
}

std::int64_t note_popped(traffic_statistics& traffic, delivery_book& book, const std::string& group, const std::string& topic,
                         const messages_popped& answer, std::uint64_t connection, timestamp_ms now) {
    if (answer.kind != pop_kind::take)
        return 0;
    std::int64_t messages = 0;
    auto rest = answer.records.view();
    for (const auto& popped : answer.queues) { // as many records, one queue after the other
        const topic_queue queue{topic, popped.queue};
        const auto* begin = rest.data();
        for (std::size_t i = 0; i < popped.offsets.size(); ++i) {
            const auto bytes = protocol::record_size(rest);
            if (!bytes)
                return messages; // the client will see, too
            rest.remove_prefix(*bytes);
        }
        messages += static_cast<std::int64_t>(popped.offsets.size());
        traffic.handed_out(group, queue, static_cast<std::int64_t>(popped.offsets.size()), rest.data() - begin);
        for (auto first = popped.offsets.begin(); first != popped.offsets.end();) {
            auto last = first;
            while (std::next(last) != popped.offsets.end() && *std::next(last) == *last + 1)
                ++last;
            book.note(group, queue, *first, *last + 1, false, connection, now);
            first = std::next(last);
        }
    }
    return messages;
}

} // namespace troupe::actors
