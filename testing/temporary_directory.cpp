#include "testing/temporary_directory.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace troupe::testing {

temporary_directory::temporary_directory(std::string_view name) : kept_{std::getenv("TROUPE_KEEP_FILES") != nullptr} {
    auto pattern = (std::filesystem::temp_directory_path() / (std::string{name} + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        std::perror(("cannot make " + pattern).c_str());
        std::abort();
    }
    path_ = pattern;
}

temporary_directory::~temporary_directory() {
    if (kept_) {
        std::fprintf(stderr, "kept %s\n", path_.c_str());
        return;
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

} // namespace troupe::testing
