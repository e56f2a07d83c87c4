#include "protocol/inflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace troupe::protocol {

namespace {

/// zlib's state, released whatever happens.
struct inflater {
    inflater() { ready = inflateInit(&stream) == Z_OK; }
    ~inflater() {
        if (ready)
            inflateEnd(&stream);
    }
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;

    z_stream stream{};
    bool ready = false;
};

error bad_stream(std::string_view what) {
    return {errc::protocol_error, "compressed body: " + std::string{what}};
}

} // namespace

result<std::string> inflate_bounded(std::string_view zlib_stream) {
    return inflate_bounded(zlib_stream, std::min(inflated_bytes_max, zlib_stream.size() * inflation_factor_max));
}

result<std::string> inflate_bounded(std::string_view zlib_stream, std::size_t bytes_max) {
    inflater zlib;
    if (!zlib.ready || zlib_stream.size() > inflated_bytes_max)
        return bad_stream("it cannot be inflated here");
    // zlib's interface has no const; it only reads.
    zlib.stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(zlib_stream.data()));
    zlib.stream.avail_in = static_cast<uInt>(zlib_stream.size());
    std::string out;
    std::array<char, 64 << 10> piece;
    for (int state = Z_OK; state != Z_STREAM_END;) {
        zlib.stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        zlib.stream.avail_out = static_cast<uInt>(piece.size());
        state = inflate(&zlib.stream, Z_NO_FLUSH);
        if (state != Z_OK && state != Z_STREAM_END)
            return bad_stream("it is damaged or cut short");
        out.append(piece.data(), piece.size() - zlib.stream.avail_out);
        if (out.size() > bytes_max)
            return bad_stream("it inflates to more than " + std::to_string(bytes_max) + " bytes");
    }
    if (zlib.stream.avail_in != 0)
        return bad_stream("something follows the compressed bytes");
    return out;
}

} // namespace troupe::protocol
