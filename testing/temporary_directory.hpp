#pragma once

#include <filesystem>
#include <string_view>

namespace troupe::testing {

/// A directory of its own under $TMPDIR, removed with all content when destroyed (kept when the environment variable
/// TROUPE_KEEP_FILES is set, or after keep(), and then its path is printed).
class temporary_directory {
public:
    explicit temporary_directory(std::string_view name = "troupe");
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    void keep() { kept_ = true; }

private:
    std::filesystem::path path_;
    bool kept_ = false;
};

} // namespace troupe::testing
