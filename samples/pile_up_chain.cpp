// Three services call each other under their locks: web → accounts → storage. Storage is slow
// today. Each of the three has its own queue of waiting threads, and all of them wait for one.
//
//     10 × browse ──▶ g_web ──held by──▶ web ──▶ g_accounts ──held by──▶ accounts ──▶ g_storage
//                              20 × login ──▶ g_accounts                                  │
//                              30 × backup ──▶ g_storage ──────held by────▶ storage ◀─────┘
//                                                                            └─▶ sleeps
//
// Build with: aarch64
// pstuck: 31 threads wait for

#include <chrono>
#include <latch>
#include <mutex>
#include <string>
#include <thread>

#include "sample.h"

struct Service {
  const char* name;
  long calls = 0;
  std::mutex mutex;
};

Service g_web{"g_web", 0, {}};
Service g_accounts{"g_accounts", 0, {}};
Service g_storage{"g_storage", 0, {}};
std::latch all_are_held(3);

[[gnu::noinline]] void call_service(Service& service) {
  sample::waits(service.name);
  std::lock_guard lock(service.mutex);
  ++service.calls;
}

[[gnu::noinline]] void write_to_disk() {
  std::this_thread::sleep_for(std::chrono::hours(1));
  ++g_storage.calls;
}

[[gnu::noinline]] void run_service(Service& own, Service* next) {
  std::lock_guard lock(own.mutex);
  sample::holds(own.name);
  all_are_held.arrive_and_wait();
  next != nullptr ? call_service(*next) : write_to_disk();
  ++own.calls;
}

void start_callers(const std::string& role, Service& service, int threads) {
  for (int i = 1; i <= threads; ++i) {
    sample::start(role + "-" + std::to_string(i), [&service] { call_service(service); });
  }
}

int main() {
  sample::begin();
  for (const Service* service : {&g_web, &g_accounts, &g_storage}) {
    sample::lock(service->name, &service->mutex);
  }
  sample::start("web", [] { run_service(g_web, &g_accounts); });
  sample::start("accounts", [] { run_service(g_accounts, &g_storage); });
  sample::start("storage", [] { run_service(g_storage, nullptr); });
  all_are_held.wait();
  start_callers("browse", g_web, 10);
  start_callers("login", g_accounts, 20);
  start_callers("backup", g_storage, 30);
  sample::pile_up("g_web", 10, "web");
  sample::pile_up("g_accounts", 21, "accounts");
  sample::pile_up("g_storage", 31, "storage");
  sample::root("storage");
  sample::ready(62);
}
