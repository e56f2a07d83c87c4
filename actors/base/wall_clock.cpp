#include "actors/base/wall_clock.hpp"

#include <chrono>

namespace troupe::actors {

timestamp_ms system_wall_clock() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return timestamp_ms{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

} // namespace troupe::actors
