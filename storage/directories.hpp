#pragma once

#include "protocol/vocabulary/result.hpp"

#include <filesystem>

/// Whole directories, over the small interface of file_system.
namespace troupe::storage {

class file_system;

/// Creates `directory` and its missing parents so that they survive power loss. Success if it is there already.
result<void> make_durable_directories(file_system& files, const std::filesystem::path& directory);

/// Removes a directory with all that is in it. Success if it is not there. Not in one step: a crash may leave a part.
result<void> remove_directory_tree(file_system& files, const std::filesystem::path& directory);

} // namespace troupe::storage
