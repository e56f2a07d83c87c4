#include "storage/directories.hpp"

#include "storage/file_system.hpp"

namespace troupe::storage {

result<void> make_durable_directories(file_system& files, const std::filesystem::path& directory) {
    auto there = files.exists(directory);
    if (!there) {
        return there.failure();
    }
    const auto parent = directory.has_parent_path() ? directory.parent_path() : std::filesystem::path{"."};
    if (*there) {
        // Whoever made it may have died before its name was durable. A parent that we may not read is somebody else's, and
        // older than we are.
        static_cast<void>(files.sync_directory(parent));
        return {};
    }
    if (parent != ".") {
        if (auto made = make_durable_directories(files, parent); !made) {
            return made;
        }
    }
    if (auto made = files.make_directories(directory); !made) {
        return made;
    }
    return files.sync_directory(parent);
}

result<void> remove_directory_tree(file_system& files, const std::filesystem::path& directory) {
    auto there = files.exists(directory);
    if (!there || !*there) {
        return there ? result<void>{} : there.failure();
    }
    auto entries = files.list(directory);
    if (!entries) {
        return entries.failure();
    }
    for (const auto& entry : *entries) {
        const auto path = directory / entry.name;
        if (auto removed = entry.is_directory ? remove_directory_tree(files, path) : files.remove(path); !removed) {
            return removed;
        }
    }
    if (auto removed = files.remove(directory); !removed) {
        return removed;
    }
    return files.sync_directory(directory.parent_path());
}

} // namespace troupe::storage
