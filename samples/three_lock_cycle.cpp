// An order is paid, booked and shipped by three services, each on a thread of its own. Each holds
// its own lock while it asks the next one. No two of them ever disagree about the order of two
// locks; the three together do.
//
//     orders ──wants──▶ payments ──wants──▶ shipping
//        ▲                                     │
//        └────────────────wants────────────────┘
//
// Build with: aarch64
// pstuck: 3 threads wait in a circle

#include <latch>
#include <memory>
#include <mutex>
#include <string>

#include "sample.h"

struct Service {
  std::string name;
  int calls = 0;
  std::mutex mutex;
};

std::latch all_hold_one(3);

[[gnu::noinline]] void call_service(Service& callee) {
  sample::waits(callee.name);
  std::lock_guard lock(callee.mutex);
  ++callee.calls;
}

[[gnu::noinline]] void handle_order(Service& own, Service& next) {
  std::lock_guard lock(own.mutex);
  sample::holds(own.name);
  all_hold_one.arrive_and_wait();
  call_service(next);
  ++own.calls;
}

std::unique_ptr<Service> make_service(const char* name) {
  auto service = std::make_unique<Service>();
  service->name = name;
  sample::lock(name, &service->mutex);
  return service;
}

int main() {
  sample::begin();
  const auto orders = make_service("orders");
  const auto payments = make_service("payments");
  const auto shipping = make_service("shipping");
  sample::start("take-order", [&] { handle_order(*orders, *payments); });
  sample::start("take-money", [&] { handle_order(*payments, *shipping); });
  sample::start("send-parcel", [&] { handle_order(*shipping, *orders); });
  sample::cycle("take-order take-money send-parcel");
  sample::finding("deadlock");
  sample::ready(3);
}
