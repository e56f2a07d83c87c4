#pragma once

/// Everything a program that uses Troupe needs.
#include "client/admin.hpp"
#include "client/allocation_strategy.hpp"
#include "client/connection.hpp"
#include "client/message.hpp"
#include "client/pop_consumer.hpp"
#include "client/producer.hpp"
#include "client/pull_consumer.hpp"
#include "client/push_consumer.hpp"
#include "client/requester.hpp"
#include "client/transaction_producer.hpp"
