#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

/// Whole directories and small files, over the small interface of file_system.
namespace troupe::storage {

class file_system;

/// Creates `directory` and its missing parents so that they survive power loss. Success if it is there already.
result<void> make_durable_directories(file_system& files, const std::filesystem::path& directory);

/// Removes a directory with all that is in it. Success if it is not there. Not in one step: a crash may leave a part.
result<void> remove_directory_tree(file_system& files, const std::filesystem::path& directory);

/// The first `bytes_max` bytes of a file; not_found.
result<std::string> read_small_file(file_system& files, const std::filesystem::path& path, std::size_t bytes_max);

/// Replaces or makes a file, durably: writes beside the place and renames, so that it is there in whole or as it was.
result<void> write_durable_file(file_system& files, const std::filesystem::path& path, std::string_view content);

} // namespace troupe::storage
