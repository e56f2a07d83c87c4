#include "protocol/body_compression.hpp"

#include "protocol/inflate.hpp"
#include "protocol/message_codec.hpp"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <memory>

namespace troupe::protocol {

namespace {

constexpr std::int32_t method_shift = 8;
constexpr std::int32_t method_mask = 0x7;
constexpr int zstd_window_log_max = 24;

using piece = std::array<char, 64 << 10>;

error bad_body(std::string_view format, std::string_view what) {
    return {errc::protocol_error, std::string{format} + " body: " + std::string{what}};
}

error too_large(std::string_view format, std::size_t bytes_max) {
    return bad_body(format, "it unpacks to more than " + std::to_string(bytes_max) + " bytes");
}

result<std::string> unpack_lz4(std::string_view packed, std::size_t bytes_max) {
    constexpr std::string_view format = "LZ4";
    LZ4F_dctx* made = nullptr;
    const auto created = LZ4F_createDecompressionContext(&made, LZ4F_VERSION);
    const std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> context{made, &LZ4F_freeDecompressionContext};
    if (LZ4F_isError(created))
        return bad_body(format, "it cannot be unpacked here");
    std::string out;
    piece part;
    for (bool whole = false; !whole;) {
        std::size_t written = part.size();
        std::size_t read = packed.size();
        const auto hint = LZ4F_decompress(context.get(), part.data(), &written, packed.data(), &read, nullptr);
        if (LZ4F_isError(hint) || (hint != 0 && read == 0 && written == 0))
            return bad_body(format, "it is damaged or cut short");
        packed.remove_prefix(read);
        out.append(part.data(), written);
        if (out.size() > bytes_max)
            return too_large(format, bytes_max);
        whole = hint == 0;
    }
    if (!packed.empty())
        return bad_body(format, "something follows the compressed bytes");
    return out;
}

result<std::string> unpack_zstd(std::string_view packed, std::size_t bytes_max) {
    constexpr std::string_view format = "Zstandard";
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream{ZSTD_createDStream(), &ZSTD_freeDStream};
    if (!stream || ZSTD_isError(ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, zstd_window_log_max)))
        return bad_body(format, "it cannot be unpacked here");
    std::string out;
    piece part;
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    for (bool whole = false; !whole;) {
        ZSTD_outBuffer written{part.data(), part.size(), 0};
        const auto before = in.pos;
        const auto hint = ZSTD_decompressStream(stream.get(), &written, &in);
        if (ZSTD_isError(hint) || (hint != 0 && in.pos == before && written.pos == 0))
            return bad_body(format, "it is damaged or cut short");
        out.append(part.data(), written.pos);
        if (out.size() > bytes_max)
            return too_large(format, bytes_max);
        whole = hint == 0;
    }
    if (in.pos != in.size)
        return bad_body(format, "something follows the compressed bytes");
    return out;
}

// Each returns how much it wrote; 0 when the library could not.

std::size_t pack_lz4(std::string_view body, int level, std::string& out) {
    LZ4F_preferences_t how{};
    how.compressionLevel = level;
    out.resize(LZ4F_compressFrameBound(body.size(), &how));
    const auto written = LZ4F_compressFrame(out.data(), out.size(), body.data(), body.size(), &how);
    return LZ4F_isError(written) ? 0 : written;
}

std::size_t pack_zstd(std::string_view body, int level, std::string& out) {
    out.resize(ZSTD_compressBound(body.size()));
    const auto written = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), level);
    return ZSTD_isError(written) ? 0 : written;
}

std::size_t pack_zlib(std::string_view body, int level, std::string& out) {
    auto written = compressBound(body.size());
    out.resize(written);
    const auto* const bytes = reinterpret_cast<const Bytef*>(body.data());
    return compress2(reinterpret_cast<Bytef*>(out.data()), &written, bytes, body.size(), level) == Z_OK ? written : 0;
}

std::size_t pack(compression how, std::string_view body, int level, std::string& out) {
    switch (how) {
    case compression::lz4: return pack_lz4(body, level, out);
    case compression::zstd: return pack_zstd(body, level, out);
    case compression::zlib: break;
    }
    return pack_zlib(body, level, out);
}

} // namespace

std::optional<compression> compression_of(std::int32_t sys_flag) {
    if ((sys_flag & message_sys_flag::compressed) == 0)
        return std::nullopt;
    switch ((sys_flag >> method_shift) & method_mask) {
    case 0: // before there was a choice
    case static_cast<std::int32_t>(compression::zlib): return compression::zlib;
    case static_cast<std::int32_t>(compression::lz4): return compression::lz4;
    case static_cast<std::int32_t>(compression::zstd): return compression::zstd;
    default: return std::nullopt;
    }
}

std::int32_t sys_flag_of(compression how) {
    return message_sys_flag::compressed | static_cast<std::int32_t>(how) << method_shift;
}

compression_levels levels_of(compression how) {
    switch (how) {
    case compression::lz4: return {0, 12, 0};
    case compression::zstd: return {1, 19, 3};
    case compression::zlib: break;
    }
    return {1, 9, 5};
}

std::string_view name_of(compression how) {
    switch (how) {
    case compression::lz4: return "LZ4";
    case compression::zstd: return "Zstandard";
    case compression::zlib: break;
    }
    return "zlib";
}

std::optional<std::string> pack_body(compression how, std::string_view body, std::optional<int> level) {
    std::string out;
    const auto written = pack(how, body, level.value_or(levels_of(how).usual), out);
    if (written == 0 || written >= body.size())
        return std::nullopt;
    out.resize(written);
    return out;
}

result<std::string> unpack_body(compression how, std::string_view packed, std::size_t bytes_max) {
    switch (how) {
    case compression::lz4: return unpack_lz4(packed, bytes_max);
    case compression::zstd: return unpack_zstd(packed, bytes_max);
    case compression::zlib: break;
    }
    return inflate_bounded(packed, bytes_max);
}

} // namespace troupe::protocol
