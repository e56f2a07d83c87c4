#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace troupe::actors {

/// A bound on what is under way at one hop: bytes waiting to be appended, reads waiting for a log reader, held pulls.
/// CAF's mailboxes have no bound of their own, so whoever sends work asks here first and answers busy on a no.
///
/// Threads  safe from any thread; no locks.
/// Always   what was acquired is released exactly once, with the same amount, by the role that finished the work.
class admission {
public:
    explicit admission(std::size_t amount_max) : amount_max_{amount_max} {}
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;

    /// False, and nothing is acquired, when the bound would be passed. An amount larger than the bound is let in when
    /// nothing else is under way, so that it is slow instead of impossible.
    [[nodiscard]] bool try_acquire(std::size_t amount) noexcept {
        auto now = under_way_.load(std::memory_order_relaxed);
        do {
            if (now != 0 && (now >= amount_max_ || amount > amount_max_ - now)) {
                refused_.fetch_add(1, std::memory_order_relaxed);
                return false;
            }
        } while (!under_way_.compare_exchange_weak(now, now + amount, std::memory_order_relaxed));
        return true;
    }
    void release(std::size_t amount) noexcept { under_way_.fetch_sub(amount, std::memory_order_relaxed); }

    [[nodiscard]] std::size_t under_way() const noexcept { return under_way_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t amount_max() const noexcept { return amount_max_; }
    /// How often the answer was no.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

private:
    const std::size_t amount_max_;
    std::atomic<std::size_t> under_way_{0};
    std::atomic<std::uint64_t> refused_{0};
};

/// Gives back what was acquired when it is destroyed, whoever does that.
class admitted {
public:
    admitted(std::shared_ptr<admission> from, std::size_t amount) : from_{std::move(from)}, amount_{amount} {}
    ~admitted() { from_->release(amount_); }
    admitted(const admitted&) = delete;
    admitted& operator=(const admitted&) = delete;

    /// Gives back what is more than `amount`. For its only owner.
    void shrink_to(std::size_t amount) noexcept {
        if (amount < amount_)
            from_->release(std::exchange(amount_, amount) - amount);
    }

private:
    std::shared_ptr<admission> from_;
    std::size_t amount_;
};

} // namespace troupe::actors
