#include "actors/messages/type_ids.hpp"

#include "tests/actors/virtual_system.hpp"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

TEST_CASE("type_ids: an error survives the way through CAF") {
    const error failure{errc::queue_not_found, "no queue 9"};
    CHECK(to_error(make_caf_error(failure)) == failure);
    CHECK(to_error(caf::error{}) == error{});
    CHECK_FALSE(make_caf_error(error{}));
}

TEST_CASE("type_ids: CAF's own errors become ours") {
    CHECK(to_error(make_error(caf::sec::request_timeout)).code == errc::timed_out);
    CHECK(to_error(make_error(caf::sec::request_receiver_down)).code == errc::shutting_down);
    CHECK(to_error(make_error(caf::exit_reason::user_shutdown)).code == errc::shutting_down);
    CHECK(to_error(make_error(caf::sec::runtime_error)).code == errc::internal);
}

TEST_CASE("type_ids: the actor system prints our errors") {
    test_support::virtual_system world;
    CHECK(world.system().render(make_caf_error(errc::busy, "later")) == to_string(error{errc::busy, "later"}));
}
