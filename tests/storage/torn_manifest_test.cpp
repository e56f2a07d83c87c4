#include "storage/directories.hpp"
#include "storage/metadata_store.hpp"
#include "storage/pop_store.hpp"
#include "storage/timer_store.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

// Goal: a MANIFEST whose end a power loss tore keeps no store from opening, with everything that it had promised; damage of what was
//       synced is refused, whatever byte it is.
// How:  a store is copied just before it syncs an edit of its MANIFEST, as a power loss could leave it; then that edit is torn at each of
//       its bytes. And the MANIFEST of a store is damaged at each of its bytes.

namespace {

using disk = std::shared_ptr<fault_file_system>;

/// A disk at a moment when the end of a MANIFEST was written and not synced.
struct moment {
    disk files;
    std::filesystem::path manifest;
    std::size_t synced = 0; ///< of its bytes
};

std::filesystem::path manifest_of(const disk& files, const std::filesystem::path& directory) {
    auto name = read_small_file(*files, directory / "CURRENT", 64);
    REQUIRE(name.ok());
    name->pop_back();
    return directory / *name;
}

/// The last such moment of what `work` does.
moment last_moment(const disk& files, const std::filesystem::path& directory,
                   const std::function<void(const std::function<bool()>& is_there)>& work) {
    std::mutex mutex; // RocksDB syncs from threads of its own
    std::map<std::string, std::size_t> synced;
    moment last;
    files->set_hook([&](const call_info& call) -> std::optional<call_fault> {
        if (call.kind != call_kind::sync || call.path.find("/MANIFEST-") == std::string::npos)
            return std::nullopt;
        const std::lock_guard lock{mutex};
        auto& before = synced[call.path];
        const auto now = files->content(call.path)->size();
        if (before > 0 && before < now)
            last = {files->restart(), call.path, before};
        before = now;
        return std::nullopt;
    });
    work([&] {
        const std::lock_guard lock{mutex};
        return last.files != nullptr;
    });
    files->set_hook(nullptr);
    REQUIRE(last.files != nullptr);
    REQUIRE(manifest_of(last.files, directory) == last.manifest);
    return last;
}

/// In how many ways each byte is torn: in all, or in one, in turns, where opening takes long.
enum class ways : std::uint8_t { all, one };

/// Calls `look` with a copy of the disk for each way in which the unsynced end may be torn.
void tear(const moment& at, ways each, const std::function<void(const disk&)>& look) {
    const auto whole = at.files->content(at.manifest).value();
    CAPTURE(whole.size());
    CAPTURE(at.synced);
    for (auto byte = at.synced; byte < whole.size(); ++byte) {
        CAPTURE(byte);
        auto zeros = whole;
        zeros.replace(byte, zeros.size() - byte, zeros.size() - byte, '\0');
        auto middle_lost = whole; // a sector in front of one that is there
        middle_lost.replace(at.synced, byte + 1 - at.synced, byte + 1 - at.synced, '\0');
        auto other = whole;
        other[byte] = static_cast<char>(other[byte] ^ 0x40);
        int way = 0;
        for (const auto& torn : {whole.substr(0, byte), zeros, middle_lost, other}) {
            CAPTURE(way);
            if (static_cast<std::size_t>(way++) != byte % 4 && each == ways::one)
                continue;
            const auto copy = at.files->restart();
            copy->put(at.manifest, torn);
            look(copy);
        }
    }
}

/// Calls `open`, which gives the failure, with a copy of the disk for each byte of the MANIFEST that is damaged, and for each length.
void damage(const disk& files, const std::filesystem::path& directory, const std::function<error(const disk&)>& open) {
    const auto manifest = manifest_of(files, directory);
    const auto whole = files->content(manifest).value();
    REQUIRE(whole.size() > 100);
    for (std::size_t byte = 0; byte < whole.size(); ++byte) {
        CAPTURE(byte);
        auto flipped = whole;
        flipped[byte] = static_cast<char>(flipped[byte] ^ 0x10);
        auto zeros = whole;
        zeros.replace(byte, zeros.size() - byte, zeros.size() - byte, '\0');
        const bool is_zero = zeros == whole;
        int way = 0;
        for (const auto& bad : {flipped, whole.substr(0, byte), zeros}) {
            CAPTURE(way);
            if (++way == 3 && is_zero)
                continue;
            const auto copy = files->restart();
            copy->put(manifest, bad);
            const auto failure = open(copy);
            REQUIRE(failure.code == errc::corrupt);
            CHECK(failure.text.find(manifest.filename().string()) != std::string::npos);
            CHECK(failure.text.find("byte") != std::string::npos);
            CHECK(failure.text.find("copy") != std::string::npos);
            CHECK(*copy->content(manifest) == bad); // for people to look at
        }
    }
}

template <class Opened>
error failure_of(const Opened& opened) {
    return opened.ok() ? error{} : opened.failure();
}

std::pair<progress_key, queue_offset> entry(std::int32_t queue) {
    return {{"billing", {"orders", queue_id{queue}}}, queue_offset{1'000 + queue}};
}

pop_changes pops(std::int32_t queue, std::int64_t leases) {
    popped_queue_changes changes;
    changes.next = queue_offset{leases};
    for (std::int64_t offset = 0; offset < leases; ++offset)
        changes.leases.emplace(queue_offset{offset},
                               pop_lease{queue_offset{offset}, timestamp_ms{2'000}, timestamp_ms{1'000}, timestamp_ms{1'000}, 1});
    return {{{"popping", {"orders", queue_id{queue}}}, changes}};
}

void add_timer(timer_store& store, std::int64_t number) {
    timer_changes changes;
    changes.add = {{{timestamp_ms{number}, log_position{number}}, 1, std::string(600, 'r')}};
    changes.after.taken = queue_offset{number};
    REQUIRE(store.change(changes).ok());
    REQUIRE(store.flush(true).ok());
}

} // namespace

TEST_CASE("torn manifest: metadata that was acknowledged is there, however the MANIFEST's end was torn") {
    const auto files = fault_file_system::make(1);
    constexpr std::size_t queues = 5;
    const auto at = last_moment(files, "/metadata", [&](const auto& /*is_there*/) {
        auto store = metadata_store::open(files, "/metadata");
        REQUIRE(store.ok());
        for (std::int32_t queue = 0; queue < static_cast<std::int32_t>(queues); ++queue)
            REQUIRE((*store)->commit(std::vector{entry(queue)}).ok());
    }); // a clean close writes a table
    tear(at, ways::all, [&](const disk& torn) {
        const auto store = metadata_store::open(torn, "/metadata");
        REQUIRE_MESSAGE(store.ok(), to_string(failure_of(store)));
        const auto offsets = (*store)->offsets();
        REQUIRE(offsets.ok());
        CHECK(offsets->size() == queues);
        CHECK((*store)->recovery_note().empty());
    });
}

TEST_CASE("torn manifest: pops that were acknowledged are there, however the MANIFEST's end was torn") {
    const auto files = fault_file_system::make(2);
    constexpr std::int64_t leases = 25'000; // the third of them fills a memory table
    const auto at = last_moment(files, "/pop", [&](const auto& is_there) {
        auto store = pop_store::open(files, "/pop");
        REQUIRE(store.ok());
        for (std::int32_t queue = 0; queue < 3; ++queue)
            REQUIRE((*store)->change(pops(queue, leases), true).ok());
        while (!is_there()) // RocksDB does it in the background
            REQUIRE((*store)->change(pops(3, 1), true).ok());
    });
    const auto whole = at.files->restart();
    const auto before = pop_store::open(whole, "/pop").value()->load().value();
    REQUIRE(before.size() >= 3);
    int number = 0;
    tear(at, ways::one, [&](const disk& torn) {
        const auto store = pop_store::open(torn, "/pop");
        REQUIRE_MESSAGE(store.ok(), to_string(failure_of(store)));
        CHECK((*store)->recovery_note().empty());
        if (number++ % 5 == 0) // they are many
            CHECK(((*store)->load().value() == before));
    });
}

TEST_CASE("torn manifest: timers are as they were at the last flush, however the MANIFEST's end was torn") {
    const auto files = fault_file_system::make(3);
    const auto at = last_moment(files, "/timers", [&](const auto& /*is_there*/) {
        auto store = timer_store::open(files, "/timers", {});
        REQUIRE(store.ok());
        for (std::int64_t number = 1; number <= 3; ++number)
            add_timer(**store, number);
    });
    tear(at, ways::all, [](const disk& torn) {
        const auto store = timer_store::open(torn, "/timers", {});
        REQUIRE_MESSAGE(store.ok(), to_string(failure_of(store)));
        const auto taken = (*store)->progress().taken.value();
        CHECK((taken == 2 || taken == 3)); // 3: the edit of the third flush has more behind it
        CHECK((*store)->pending() == static_cast<std::uint64_t>(taken));
    });
}

TEST_CASE("torn manifest: damage of what was synced is refused, for metadata") {
    const auto files = fault_file_system::make(4);
    for (std::int32_t queue = 0; queue < 2; ++queue)
        REQUIRE(metadata_store::open(files, "/metadata").value()->commit(std::vector{entry(queue)}).ok());
    damage(files, "/metadata", [](const disk& bad) { return failure_of(metadata_store::open(bad, "/metadata")); });
}

TEST_CASE("torn manifest: damage of what was synced is refused, for pops") {
    const auto files = fault_file_system::make(5);
    for (std::int32_t queue = 0; queue < 2; ++queue)
        REQUIRE(pop_store::open(files, "/pop").value()->change(pops(queue, 3), true).ok());
    damage(files, "/pop", [](const disk& bad) { return failure_of(pop_store::open(bad, "/pop")); });
}

TEST_CASE("torn manifest: damage of what was synced is refused, for timers") {
    const auto files = fault_file_system::make(6);
    {
        const auto store = timer_store::open(files, "/timers", {});
        REQUIRE(store.ok());
        for (std::int64_t number = 1; number <= 3; ++number)
            add_timer(**store, number);
    }
    damage(files, "/timers", [](const disk& bad) { return failure_of(timer_store::open(bad, "/timers", {})); });
}
