#include "storage/log_scan.hpp"

#include "storage/segment_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace troupe::storage {

namespace {

using kind = log_item::kind;

/// One walk over the log.
class scanner {
public:
    scanner(const segment_list& segments, scan_range range, const log_visitor& visitor)
        : segments_{segments}, range_{range}, visitor_{visitor}, at_{range.from} {}

    result<scan_summary> run() {
        summary_.begin = at_;
        summary_.durable = range_.durable;
        is_at_end_ = !enter(at_);
        while (!is_at_end_ && at_ < range_.until)
            if (auto done = step(); !done)
                return done.failure();
        summary_.end = at_;
        if (at_ < range_.until)
            if (auto done = look_behind_end(); !done)
                return done.failure();
        return summary_;
    }

private:
    /// Moves to the segment that holds `position`; false if none does.
    bool enter(log_position position) {
        at_ = position;
        const auto found = std::find_if(segments_.begin(), segments_.end(), [&](const auto& s) { return s->holds(position); });
        index_ = static_cast<std::size_t>(found - segments_.begin());
        if (found == segments_.end())
            return false;
        reader_.emplace(**found);
        return true;
    }
    [[nodiscard]] const segment& here() const { return *segments_[index_]; }

    result<void> step() {
        auto item = reader_->item_at(at_);
        if (!item)
            return item.failure();
        switch (item->what) {
        case kind::record:
            ++summary_.records;
            if (visitor_.record)
                if (auto done = visitor_.record(at_, item->record); !done)
                    return done.failure();
            return advance(item->bytes);
        case kind::batch:
            ++summary_.batches;
            summary_.last_batch = item->batch;
            summary_.durable = std::max(summary_.durable, item->batch.durable);
            if (visitor_.batch)
                visitor_.batch(item->batch);
            return advance(item->bytes);
        case kind::filler:
            if (index_ + 1 == segments_.size())
                // A filler is written when the next segment is on the disk.
                return error{errc::corrupt, here().path.string() + " is full and " + segment_name(here().end()) +
                                                ", which must follow it, is missing; restore it, or give up what it held by making " +
                                                "an empty file of that name"};
            enter(here().end());
            return {};
        case kind::invalid: break;
        }
        return pass_invalid(item->reason);
    }

    result<void> advance(std::size_t bytes) {
        at_ = at_ + static_cast<std::int64_t>(bytes);
        if (!here().holds(at_))
            is_at_end_ = !enter(at_);
        return {};
    }

    /// Decides between damage, which is passed over, and the end.
    result<void> pass_invalid(const std::string& reason) {
        auto claim = highest_claim(at_, true);
        if (!claim)
            return claim.failure();
        if (*claim <= at_) {
            end_reason_ = reason;
            is_at_end_ = true;
            return {};
        }
        auto next = next_item_or_segment();
        if (!next)
            return next.failure();
        if (*next > *claim)
            // Between the claim and `next` bytes are missing that were never durable. Unless a still later header
            // vouches for them, what follows must go with them.
            claim = highest_claim(at_, false);
        if (!claim)
            return claim.failure();
        const auto damage_end = std::min(*next, *claim);
        report(damage_end, reason);
        end_reason_ = reason;
        is_at_end_ = !enter(damage_end) || *next > *claim;
        return {};
    }

    void report(log_position end, const std::string& reason) {
        ++summary_.damaged_ranges;
        if (visitor_.damage)
            visitor_.damage(damaged_range{here().path, at_, static_cast<std::uint64_t>(end - at_), reason});
    }

    /// Where the log goes on behind the invalid item at at_: in this segment, or at the next one's beginning.
    result<log_position> next_item_or_segment() {
        auto found = reader_->find_item(at_ + 1);
        if (!found)
            return found.failure();
        return found->value_or(here().end());
    }

    /// The highest durable position that a valid header behind `position` names; or, if `first_will_do`, the first one
    /// above `position` that is met. range.durable counts too.
    result<log_position> highest_claim(log_position position, bool first_will_do) {
        log_position highest = range_.durable;
        for (std::size_t i = index_; i < segments_.size(); ++i) {
            segment_reader reader{*segments_[i]};
            log_position at = std::max(position + 1, segments_[i]->base);
            while (!(first_will_do && highest > position)) {
                auto next = reader.find_item(at);
                if (!next)
                    return next.failure();
                if (!*next)
                    break;
                auto item = reader.item_at(**next);
                if (!item)
                    return item.failure();
                if (item->what == kind::batch)
                    highest = std::max(highest, item->batch.durable);
                at = **next + static_cast<std::int64_t>(item->bytes);
            }
        }
        return highest;
    }

    /// Describes what stands at and behind the end, and refuses bytes that never were a log.
    result<void> look_behind_end() {
        for (std::size_t i = index_; i < segments_.size(); ++i) {
            const segment& one = *segments_[i];
            segment_reader reader{one};
            const auto begin = std::max(at_, one.base);
            auto end = reader.end_of_data(begin);
            if (!end)
                return end.failure();
            if (*end == begin)
                continue;
            if (begin == one.base)
                if (auto ours = refuse_foreign(reader, one); !ours)
                    return ours;
            summary_.torn_bytes += static_cast<std::uint64_t>(*end - begin);
            if (summary_.torn_tail.empty())
                summary_.torn_tail = end_reason_;
        }
        return {};
    }

    static result<void> refuse_foreign(segment_reader& reader, const segment& one) {
        auto words = reader.bytes_at(one.base, filler_bytes);
        if (!words)
            return words.failure();
        // A first write that a crash tore leaves a part of a header's first words, and zeros.
        const auto header = encode_batch_header({});
        const auto different = std::mismatch(words->begin(), words->end(), header.begin()).first;
        if (std::all_of(different, words->end(), [](char x) { return x == '\0'; }))
            return {};
        auto item = reader.find_item(one.base);
        if (!item || *item)
            return item ? result<void>{} : item.failure(); // a damaged beginning of ours
        return error{errc::format_unknown, one.path.string() + ": does not begin as a segment of a commit log, and nothing in it can be " +
                                               "told to be one; restore the file, or move it out of the directory"};
    }

    const segment_list& segments_;
    const scan_range range_;
    const log_visitor& visitor_;
    scan_summary summary_;
    log_position at_;
    std::size_t index_ = 0;
    std::optional<segment_reader> reader_; // of segments_[index_]
    std::string end_reason_;
    bool is_at_end_ = false;
};

} // namespace

std::string to_string(const damaged_range& damage) {
    return damage.file.string() + ": " + std::to_string(damage.bytes) + " damaged bytes at log position " + to_string(damage.position) +
           ": " + damage.reason;
}

result<scan_summary> scan_log(const segment_list& segments, scan_range range, const log_visitor& visitor) {
    return scanner{segments, range, visitor}.run();
}

result<batch_header> last_batch_before(const segment_list& segments, log_position before) {
    int looked = 0;
    for (auto one = segments.rbegin(); one != segments.rend() && looked < 2; ++one) {
        if ((*one)->base >= before)
            continue;
        ++looked;
        auto found = segment_reader{**one}.last_batch_below(before);
        if (!found)
            return found.failure();
        if (*found)
            return **found;
    }
    return batch_header{};
}

} // namespace troupe::storage
