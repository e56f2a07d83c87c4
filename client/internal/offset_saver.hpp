#pragma once

#include "actors/base/log.hpp"
#include "client/internal/offset_file.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace troupe::client {

/// Saves the offsets of a broadcasting member as it goes on. The member does not stop for a disk that fails: what it handles until it ends
/// comes again. So each failure counts, and the log has a line when it begins to fail and when it works again.
///
/// Threads  one save at a time; failures() from any thread. Blocks on the disk.
class offset_saver {
public:
    using log = std::function<void(actors::log_level level, const std::string& text)>;

    offset_saver(offset_file file, std::string group, log tell = actors::write_log)
        : file_{std::move(file)}, group_{std::move(group)}, tell_{std::move(tell)} {}

    void save(const std::map<message_queue, queue_offset>& offsets) {
        const auto saved = file_.save(offsets);
        if (!saved)
            failures_.fetch_add(1, std::memory_order_relaxed);
        if (failing_ == !saved)
            return;
        failing_ = !saved;
        if (failing_)
            tell_(actors::log_level::error, "push consumer of group " + group_ + ": its offsets cannot be saved (" + saved.failure().text +
                                                "); it goes on, and after a restart what it handles meanwhile comes again");
        else
            tell_(actors::log_level::info, "push consumer of group " + group_ + ": its offsets are saved again");
    }
    [[nodiscard]] std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

private:
    offset_file file_;
    std::string group_;
    log tell_;
    bool failing_ = false;
    std::atomic<std::uint64_t> failures_{0};
};

} // namespace troupe::client
