#include "actors/name_server/kv_keeper.hpp"

#include "actors/base/spawn_role.hpp"
#include "actors/messages/type_ids.hpp"
#include "storage/directories.hpp"
#include "storage/file_system.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace troupe::actors {

namespace {

constexpr std::size_t file_bytes_max = 64u << 20; ///< far beyond what the bounds of a table can become

/// A name without a directory is in the working directory, which must be named to be synced.
std::filesystem::path with_directory(const std::filesystem::path& path) {
    return path.has_parent_path() ? path : std::filesystem::path{"."} / path;
}

struct kv_keeper_state {
    static inline const char* name = "kv_keeper";

    [[nodiscard]] caf::result<kv_config_written> handle(const write_kv_config& order) const {
        if (const auto made = storage::make_durable_directories(*files, path.parent_path()); !made)
            return make_caf_error(made.failure());
        if (const auto written = storage::write_durable_file(*files, path, protocol::encode_kv_namespaces(order.namespaces)); !written)
            return make_caf_error(written.failure());
        return kv_config_written{};
    }

    std::shared_ptr<storage::file_system> files;
    std::filesystem::path path;
};

kv_keeper_actor::behavior_type kv_keeper(kv_keeper_actor::stateful_pointer<kv_keeper_state> self,
                                         std::shared_ptr<storage::file_system> files, const std::filesystem::path& path) {
    self->state.files = std::move(files);
    self->state.path = with_directory(path);
    return {
        [self](const write_kv_config& order) { return self->state.handle(order); },
        [self](const finish&) { self->quit(); },
    };
}

} // namespace

result<kv_config> load_kv_config(storage::file_system& files, const std::filesystem::path& path) {
    const auto text = storage::read_small_file(files, path, file_bytes_max);
    if (text.code() == errc::not_found)
        return kv_config{};
    if (!text)
        return text.failure();
    const auto damaged = [&path](const error& failure) {
        return error{errc::corrupt,
                     "KV config file " + path.string() + ": " + failure.text + "; mend it, or move it away to start without it"};
    };
    const auto namespaces = protocol::decode_kv_namespaces(*text);
    if (!namespaces)
        return damaged(namespaces.failure());
    kv_config config;
    for (const auto& [name_space, table] : *namespaces)
        for (const auto& [key, value] : table)
            if (const auto put = config.put(name_space, key, value); !put)
                return damaged(put.failure());
    return config;
}

kv_keeper_actor spawn_kv_keeper(caf::actor_system& system, std::shared_ptr<storage::file_system> files, std::filesystem::path path) {
    return spawn_blocking_role(system, kv_keeper, std::move(files), std::move(path));
}

} // namespace troupe::actors
