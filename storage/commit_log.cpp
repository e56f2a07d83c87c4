#include "storage/commit_log.hpp"

#include "protocol/message_codec.hpp"
#include "storage/raise.hpp"
#include "storage/segment_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::storage {

namespace {

constexpr std::size_t rewrite_bytes = 1u << 20;

} // namespace

/// The part of a batch that goes into one segment.
struct commit_log::piece {
    std::shared_ptr<segment> into;
    log_position begin;
    log_position end; ///< just past its last record
    std::span<pending_record> records;
    bool fills_segment = false; ///< a filler follows

    batch_header_image header{};
    filler_image filler{};

    [[nodiscard]] std::vector<std::string_view> parts() const {
        std::vector<std::string_view> all;
        all.reserve(records.size() + 2);
        if (end != begin)
            all.emplace_back(header.data(), header.size());
        for (const auto& record : records) {
            const std::string_view bytes{record.bytes.data(), record.bytes.size()};
            if (all.size() > 1 && all.back().data() + all.back().size() == bytes.data())
                all.back() = std::string_view{all.back().data(), all.back().size() + bytes.size()};
            else
                all.push_back(bytes);
        }
        if (fills_segment)
            all.emplace_back(filler.data(), filler.size());
        return all;
    }
};

commit_log::commit_log(std::shared_ptr<file_system> files, commit_log_options options, segment_list segments)
    : files_{std::move(files)}, options_{std::move(options)}, segments_{std::make_shared<const segment_list>(std::move(segments))} {}

commit_log::~commit_log() = default;

result<std::unique_ptr<commit_log>> commit_log::open(std::shared_ptr<file_system> files, commit_log_options options) {
    auto there = files->exists(options.directory);
    if (!there)
        return there.failure();
    if (!*there)
        if (auto made = files->make_directories(options.directory); !made)
            return made.failure();
    // Also for a directory that is there: a process that died may have made names that no sync has seen yet.
    for (const auto& names : {options.directory.parent_path(), options.directory})
        if (auto synced = files->sync_directory(names); !synced)
            return synced.failure();
    auto segments = open_segments(*files, options.directory, options.segment_bytes, open_mode::read_write);
    if (!segments)
        return segments.failure();
    return std::unique_ptr<commit_log>{new commit_log{std::move(files), std::move(options), std::move(*segments)}};
}

// ---- recovery ----------------------------------------------------------------------------------------------------------

result<void> commit_log::check_checkpoint(const segment_list& segments, log_position from) const {
    const auto& last = *segments.back();
    auto bytes = last.file->size();
    if (!bytes)
        return bytes.failure();
    if (from <= last.base + static_cast<std::int64_t>(*bytes))
        return {};
    return error{errc::corrupt, last.path.string() + ": the log ends before the checkpoint at log position " + to_string(from) +
                                    "; restore the missing segments, or remove the index directory to go on with what is left"};
}

result<log_recovery> commit_log::recover(log_position from, const log_visitor& visitor) {
    if (snapshot()->empty()) {
        if (from > log_position{0})
            return error{errc::corrupt, options_.directory.string() + ": there is no segment, but a checkpoint at log position " +
                                            to_string(from) + "; restore the segments, or remove the index directory to begin anew"};
        auto first = take_segment(log_position{0});
        if (!first)
            return first.failure();
        publish({std::move(*first)});
        spares_.clear();
    }
    const auto segments = snapshot();
    from = std::max(from, segments->front()->base);
    if (auto good = check_checkpoint(*segments, from); !good)
        return good.failure();
    auto before = last_batch_before(*segments, from);
    if (!before)
        return before.failure();
    auto last = *before;
    log_visitor watched = visitor;
    watched.record = [&](log_position position, std::string_view record) -> result<void> {
        find_segment(*segments, position)->last_stored_ms = protocol::record_stored(record).value();
        return visitor.record ? visitor.record(position, record) : result<void>{};
    };
    auto scan = scan_log(*segments, {.from = from, .durable = from}, watched);
    if (!scan)
        return scan.failure();
    if (scan->last_batch.sequence > last.sequence)
        last = scan->last_batch;
    log_recovery report{.scan = *scan, .cut_bytes = scan->torn_bytes};
    if (auto trimmed = trim(scan->end, scan->torn_bytes > 0); !trimmed)
        return trimmed.failure();
    if (auto written = write_again(*snapshot(), scan->durable, scan->end); !written)
        return written.failure();
    adopt(last, scan->end);
    return report;
}

void commit_log::adopt(const batch_header& last, log_position end) {
    const auto active = snapshot()->back();
    if (active->last_stored_ms == 0 && active->holds(last.position))
        active->last_stored_ms = last.stored.value();
    sequence_ = last.sequence;
    epoch_ = last.epoch.value() + 1;
    end_ = end.value();
    durable_ = end.value();
    const bool is_seal = last.records == 0 && last.sequence != 0 && last.durable == last.position &&
                         last.position + static_cast<std::int64_t>(batch_header_bytes) == end;
    sealed_end_ = is_seal ? end : log_position{-1};
}

result<void> commit_log::trim(log_position end, bool with_bytes) {
    auto segments = *snapshot();
    while (segments.size() > 1 && segments.back()->base > end) {
        // From the last one on, each made durable: a crash in between must not leave a hole.
        if (auto done = remove_file(segments.back()->path); !done)
            return done.failure();
        segments.pop_back();
    }
    const auto active = segments.back();
    publish(std::move(segments));
    if (with_bytes)
        if (auto done = clear_from(*active, end); !done)
            return done.failure();
    if (auto room = active->file->allocate(active->capacity_bytes); !room && room.code() != errc::disk_full)
        return room.failure();
    return active->file->sync();
}

result<void> commit_log::clear_from(segment& in, log_position end) {
    // Truncating and reserving again leaves zeros without writing them.
    if (auto done = in.file->truncate(in.offset_of(end)); !done)
        return done;
    if (auto done = in.file->sync(); !done)
        return done;
    if (auto room = in.file->allocate(in.capacity_bytes); !room && room.code() != errc::disk_full)
        return room;
    return in.file->sync();
}

result<void> commit_log::write_again(const segment_list& segments, log_position begin, log_position end) {
    // What no header vouches for may be readable and yet not on disk: after a failed sync the kernel keeps the pages and
    // believes them written, and a sync now would do nothing. Only bytes that are written again are synced for sure.
    for (const auto& one : segments) {
        if (one->end() <= begin || one->base >= end)
            continue;
        segment_reader reader{*one};
        auto data_end = reader.end_of_data(std::max(begin, one->base));
        if (!data_end)
            return data_end.failure();
        const auto stop = std::min({end, *data_end, one->end()});
        for (auto at = std::max(begin, one->base); at < stop;) {
            auto bytes = reader.bytes_at(at, std::min(rewrite_bytes, static_cast<std::size_t>(stop - at)));
            if (!bytes)
                return bytes.failure();
            const std::array parts{*bytes};
            if (auto written = one->file->write_at(one->offset_of(at), parts); !written)
                return written;
            at = at + static_cast<std::int64_t>(bytes->size());
        }
        if (auto synced = one->file->sync(); !synced)
            return synced;
    }
    return {};
}

// ---- appending ---------------------------------------------------------------------------------------------------------

result<log_position> commit_log::append(std::span<pending_record> records, timestamp_ms now) {
    if (auto good = usable(); !good)
        return good.failure();
    if (records.empty())
        return end();
    auto pieces = plan(records);
    if (!pieces)
        return pieces.failure();
    fill_in(*pieces, now);
    if (auto written = write_pieces(*pieces); !written)
        return written.failure();
    // A sync may have failed meanwhile on its own thread: nothing is acknowledged after that.
    if (auto good = usable(); !good)
        return good.failure();
    finish(*pieces, now);
    return end();
}

result<std::vector<commit_log::piece>> commit_log::plan(std::span<pending_record> records) {
    std::vector<piece> pieces;
    piece current{.into = snapshot()->back(), .begin = end(), .end = end(), .records = {}};
    std::size_t first = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto bytes = static_cast<std::int64_t>(records[i].bytes.size());
        const auto together = std::max(bytes, static_cast<std::int64_t>(records[i].batch_bytes));
        constexpr auto header_bytes = static_cast<std::int64_t>(batch_header_bytes);
        constexpr auto reserved_bytes = static_cast<std::int64_t>(filler_bytes);
        if (static_cast<std::uint64_t>(together + header_bytes + reserved_bytes) > options_.segment_bytes)
            return error{errc::argument_illegal, "a record or batch of " + std::to_string(together) +
                                                     " bytes does not fit into a segment of " + std::to_string(options_.segment_bytes) +
                                                     " bytes; make segments larger"};
        const auto before = current.end == current.begin ? header_bytes : 0;
        if (current.end + before + together + reserved_bytes > current.into->end()) {
            current.fills_segment = true;
            auto next = take_segment(current.into->end());
            if (!next)
                return next.failure();
            pieces.push_back(std::move(current));
            current = piece{.into = *next, .begin = (*next)->base, .end = (*next)->base, .records = {}};
            first = i;
        }
        if (current.end == current.begin)
            current.end = current.end + header_bytes;
        records[i].position = current.end;
        current.end = current.end + bytes;
        current.records = records.subspan(first, i + 1 - first);
    }
    pieces.push_back(std::move(current));
    return pieces;
}

void commit_log::fill_in(std::vector<piece>& pieces, timestamp_ms now) {
    for (auto& part : pieces) {
        for (auto& record : part.records)
            protocol::place_record(record.bytes, record.offset, record.position, now);
        if (part.end != part.begin) {
            // A segment is synced before the next one is written to, so a later piece may state its own beginning.
            const bool is_first = &part == &pieces.front();
            batch_header header;
            header.epoch = epoch();
            header.sequence = ++sequence_;
            header.position = part.begin;
            header.durable = is_first ? durable() : part.begin;
            header.stored = now;
            header.records_bytes = static_cast<std::uint32_t>(part.end - part.begin) - static_cast<std::uint32_t>(batch_header_bytes);
            header.records = static_cast<std::uint32_t>(part.records.size());
            part.header = encode_batch_header(header);
        }
        if (part.fills_segment)
            part.filler = encode_filler(static_cast<std::uint32_t>(part.into->end() - part.end));
    }
}

result<void> commit_log::write_pieces(const std::vector<piece>& pieces) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const auto& part = pieces[i];
        auto& file = *part.into->file;
        if (auto written = file.write_at(part.into->offset_of(part.begin), part.parts()); !written) {
            if (written.code() != errc::disk_full)
                return fail(written.failure());
            if (auto undone = undo({pieces.data(), i + 1}); !undone)
                return fail(undone.failure());
            return written.failure();
        }
        if (i + 1 < pieces.size())
            if (auto synced = sync_file(*part.into); !synced)
                return synced;
    }
    return {};
}

result<void> commit_log::undo(std::span<const piece> pieces) {
    const std::lock_guard guard{sync_mutex_};
    // The last first, each durably: a later piece states that the earlier ones are whole.
    for (auto part = pieces.rbegin(); part != pieces.rend(); ++part)
        if (auto done = clear_from(*part->into, part->begin); !done)
            return done;
    return {};
}

void commit_log::finish(const std::vector<piece>& pieces, timestamp_ms now) {
    if (pieces.size() > 1) {
        auto segments = *snapshot();
        for (std::size_t i = 1; i < pieces.size(); ++i)
            segments.push_back(pieces[i].into);
        publish(std::move(segments));
        spares_.clear();
    }
    for (const auto& part : pieces) {
        if (part.records.empty())
            continue;
        if (part.into->first_stored_ms == 0)
            part.into->first_stored_ms = now.value();
        part.into->last_stored_ms = now.value();
    }
    end_.store(pieces.back().end.value(), std::memory_order_release);
}

result<std::shared_ptr<segment>> commit_log::take_segment(log_position base) {
    auto found = find_segment(spares_, base);
    if (!found) {
        found = std::make_shared<segment>();
        found->path = options_.directory / segment_name(base);
        found->base = base;
        found->capacity_bytes = options_.segment_bytes;
        auto opened = files_->open(found->path, open_mode::create);
        if (!opened)
            return opened.failure();
        found->file = std::move(*opened);
        spares_.push_back(found);
    }
    // A spare that an earlier append could not finish is finished now; doing it again costs little.
    if (auto room = make_room(*found); !room)
        return room.failure();
    if (auto synced = found->file->sync(); !synced)
        return fail(synced.failure());
    if (auto synced = files_->sync_directory(options_.directory); !synced)
        return fail(synced.failure());
    return found;
}

result<void> commit_log::make_room(segment& in) {
    auto bytes = in.file->size();
    auto there = space();
    if (!bytes || !there)
        return bytes ? there.failure() : bytes.failure();
    const auto missing = in.capacity_bytes - std::min(*bytes, in.capacity_bytes);
    // Asked first, because a file system may keep what it could reserve before it ran out, and offsets and the index need
    // the reserve to go on.
    segment_wanted_bytes_ = missing;
    if (missing > 0 && there->free_bytes < missing + options_.reserve_bytes)
        return error{errc::disk_full, in.path.string() + ": the disk has " + std::to_string(there->free_bytes) +
                                          " bytes free, a new segment needs " + std::to_string(missing) + " and must leave " +
                                          std::to_string(options_.reserve_bytes) + "; free some space"};
    auto room = in.file->allocate(in.capacity_bytes);
    if (!room)
        static_cast<void>(in.file->truncate(0)); // gives back what it got; if that fails too, the next roll finds it
    else
        segment_wanted_bytes_ = 0;
    return room;
}

/// The kernel tells of a failed write-back once per open file: whoever asks second hears that all is well. So one at a
/// time, and nobody after a failure.
result<void> commit_log::sync_file(const segment& in) {
    const std::lock_guard guard{sync_mutex_};
    if (auto good = usable(); !good)
        return good;
    if (auto synced = in.file->sync(); !synced)
        return fail(synced.failure());
    return {};
}

result<log_position> commit_log::sync() {
    if (auto good = usable(); !good)
        return good.failure();
    const auto upto = end();
    if (durable() >= upto)
        return durable();
    // The end before the segments: should the writer leave a segment in between, it has synced that one.
    if (auto synced = sync_file(*snapshot()->back()); !synced)
        return synced.failure();
    raise(durable_, upto.value());
    return durable();
}

result<void> commit_log::seal(timestamp_ms now) {
    if (auto synced = sync(); !synced)
        return synced.failure();
    const auto active = snapshot()->back();
    const auto sealed_end = end() + static_cast<std::int64_t>(batch_header_bytes);
    if (sealed_end_ == end() || sealed_end + static_cast<std::int64_t>(filler_bytes) > active->end())
        return {};
    std::vector<piece> pieces{piece{.into = active, .begin = end(), .end = sealed_end, .records = {}}};
    fill_in(pieces, now);
    if (auto written = write_pieces(pieces); !written)
        return written;
    end_.store(sealed_end.value(), std::memory_order_release);
    if (auto synced = sync(); !synced)
        return synced.failure();
    sealed_end_ = sealed_end;
    return {};
}

result<std::size_t> commit_log::remove_segments_before(log_position position) {
    std::size_t removed = 0;
    auto segments = *snapshot();
    while (segments.size() > 1 && segments.front()->end() <= position) {
        // The oldest first, each made durable: a crash in between must not leave a hole. Only then min_position() moves: what
        // a crash can bring back must not be gone from an index already. The open file serves readers until then.
        if (auto done = remove_file(segments.front()->path); !done)
            return done.failure();
        segments.erase(segments.begin());
        publish(segments);
        ++removed;
    }
    return removed;
}

result<void> commit_log::remove_file(const std::filesystem::path& path) {
    if (auto removed = files_->remove(path); !removed && removed.code() != errc::not_found)
        return removed;
    return files_->sync_directory(options_.directory);
}

// ---- state -------------------------------------------------------------------------------------------------------------

commit_log::segments_snapshot commit_log::snapshot() const {
    std::lock_guard lock{segments_mutex_};
    return segments_;
}

void commit_log::publish(segment_list segments) {
    auto next = std::make_shared<const segment_list>(std::move(segments));
    std::lock_guard lock{segments_mutex_};
    segments_ = std::move(next);
}

result<void> commit_log::usable() const {
    if (!failed_)
        return {};
    const std::lock_guard guard{failure_mutex_};
    return error{errc::store_read_only, "the commit log takes nothing until the store is opened again: " + failure_};
}

error commit_log::fail(const error& cause) {
    {
        const std::lock_guard guard{failure_mutex_};
        failure_ = cause.text;
    }
    failed_ = true;
    return error{errc::store_read_only, "the commit log takes nothing more until the store is opened again: " + cause.text};
}

log_position commit_log::min_position() const {
    const auto segments = snapshot();
    return segments->empty() ? log_position{0} : segments->front()->base;
}

log_position commit_log::end() const {
    return log_position{end_.load(std::memory_order_acquire)};
}

log_position commit_log::durable() const {
    return log_position{durable_.load(std::memory_order_acquire)};
}

log_epoch commit_log::epoch() const {
    return log_epoch{epoch_.load()};
}

bool commit_log::failed() const {
    return failed_;
}

std::vector<segment_summary> commit_log::segments() const {
    std::vector<segment_summary> all;
    for (const auto& one : *snapshot())
        all.push_back(
            {one->base, one->capacity_bytes, timestamp_ms{one->first_stored_ms.load()}, timestamp_ms{one->last_stored_ms.load()}, false});
    if (!all.empty())
        all.back().is_active = true;
    return all;
}

std::uint64_t commit_log::bytes_on_disk() const {
    std::uint64_t bytes = 0;
    for (const auto& one : *snapshot())
        bytes += one->capacity_bytes;
    return bytes;
}

result<disk_space> commit_log::space() const {
    return files_->space(options_.directory);
}

std::uint64_t commit_log::room_wanted_bytes() const {
    return options_.reserve_bytes + segment_wanted_bytes_;
}

} // namespace troupe::storage
