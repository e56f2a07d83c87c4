#pragma once

#include <cstddef>
#include <fstream>

#include <unistd.h>

namespace troupe::test_support {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TROUPE_TEST_MEMORY_IS_KEPT
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TROUPE_TEST_MEMORY_IS_KEPT
#endif

/// Physical memory of this process, in bytes; source: proc(5), statm. Zero under a sanitizer, which keeps what was freed, so
/// that no growth is seen there.
inline std::size_t resident_bytes() {
#ifdef TROUPE_TEST_MEMORY_IS_KEPT
    return 0;
#else
    std::ifstream statm{"/proc/self/statm"};
    std::size_t all_pages = 0;
    std::size_t resident_pages = 0;
    statm >> all_pages >> resident_pages;
    return resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
#endif
}

#undef TROUPE_TEST_MEMORY_IS_KEPT

} // namespace troupe::test_support
