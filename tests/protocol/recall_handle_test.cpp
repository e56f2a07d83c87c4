#include "protocol/recall_handle.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::protocol;

namespace {

const recall_handle sample{"TopicTest", "broker-a", timestamp_ms{1'700'000'060'001}, "7F0000010DB418B4AAC216E2EE5D0000"};
const std::string sample_text = "djEgVG9waWNUZXN0IGJyb2tlci1hIDE3MDAwMDAwNjAwMDEgN0YwMDAwMDEwREI0MThCNEFBQzIxNkUyRUU1RDAwMDA=";

} // namespace

TEST_CASE("recall_handle: is written as RocketMQ writes it, and read back") {
    CHECK(encode_recall_handle(sample) == sample_text);
    CHECK(decode_recall_handle(sample_text).value() == sample);
    CHECK(decode_recall_handle(sample_text.substr(0, sample_text.size() - 1)).value() == sample); // without padding
    for (const std::string key : {"a", "ab", "abc", "\xff\xfe?>", "key of x", " ", "a+1"}) {
        const recall_handle handle{"t", "b", timestamp_ms{-5}, key};
        CHECK(decode_recall_handle(encode_recall_handle(handle)).value() == handle);
    }
}

TEST_CASE("recall_handle: what is none is refused as RocketMQ refuses it") {
    for (const std::string text :
         {"", "=", "A", "!!!!", "djE=", "djIgYSBiIDEgYw==", "djEgYSBiIHggYw==", "djEgYSBiIDEg", "dj+gYSBiIDEgYw=="}) {
        const auto refused = decode_recall_handle(text);
        REQUIRE_MESSAGE(!refused.ok(), text);
        CHECK(refused.code() == errc::operation_illegal);
    }
}

TEST_CASE("recall_handle: one that could not be written into a property is refused") {
    for (const std::string text : {"a\x01"
                                   "b",
                                   "\x02", "k\x02\x01"}) {
        CHECK(decode_recall_handle(encode_recall_handle({"t", "b", timestamp_ms{1}, text})).code() == errc::operation_illegal);
        CHECK(decode_recall_handle(encode_recall_handle({text, "b", timestamp_ms{1}, "k"})).code() == errc::operation_illegal);
    }
}
