#include "storage/directories.hpp"

#include "storage/file_system.hpp"

#include <array>

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

result<std::string> read_small_file(file_system& files, const std::filesystem::path& path, std::size_t bytes_max) {
    auto opened = files.open(path, open_mode::read);
    if (!opened) {
        return opened.failure();
    }
    std::string content(bytes_max, '\0');
    auto read = (*opened)->read_at(0, content);
    if (!read) {
        return read.failure();
    }
    content.resize(*read);
    return content;
}

result<void> write_durable_file(file_system& files, const std::filesystem::path& path, std::string_view content) {
    auto beside = path;
    beside += ".new";
    auto opened = files.open(beside, open_mode::open_or_create);
    if (!opened) {
        return opened.failure();
    }
    const std::array parts{content};
    if (auto done = (*opened)->truncate(0); !done) {
        return done;
    }
    if (auto done = (*opened)->write_at(0, parts); !done) {
        return done;
    }
    if (auto done = (*opened)->sync(); !done) {
        return done;
    }
    if (auto done = files.rename(beside, path); !done) {
        return done;
    }
    return files.sync_directory(path.parent_path());
}

} // namespace troupe::storage
