// A router asks its cache while it holds its own lock; the cache, when it evicts, tells the router
// while it holds its own. One day both happen at once, and every request stacks up behind them.
//
//     router ──wants──▶ g_cache.mu_ ──held by──▶ evictor        6 × handler ──▶ g_cache.mu_
//        ▲                                          │           2 × expiry  ──▶ g_router.mu_
//        └────held by──── g_router.mu_ ◀──wants─────┘
// Build with: aarch64
// pstuck: 2 threads wait for each other

#include <latch>
#include <map>
#include <mutex>
#include <string>

#include "sample.h"

std::latch both_hold_one(2);

class Router {
 public:
  void dispatch(int request);
  [[gnu::noinline]] void forget(int request) {
    sample::waits("g_router.mu_");
    std::lock_guard lock(mu_);
    routes_.erase(request);
  }
  void tell_lock() { sample::lock("g_router.mu_", &mu_); }

 private:
  std::map<int, std::string> routes_;
  std::mutex mu_;
};

Router g_router;

class Cache {
 public:
  [[gnu::noinline]] std::string get(int key) {
    sample::waits("g_cache.mu_");
    std::lock_guard lock(mu_);
    return entries_[key];
  }
  [[gnu::noinline]] void evict(int key) {
    std::lock_guard lock(mu_);
    sample::holds("g_cache.mu_");
    both_hold_one.arrive_and_wait();
    g_router.forget(key);
    entries_.erase(key);
  }
  void tell_lock() { sample::lock("g_cache.mu_", &mu_); }

 private:
  std::map<int, std::string> entries_;
  std::mutex mu_;
};

Cache g_cache;

[[gnu::noinline]] void Router::dispatch(int request) {
  std::lock_guard lock(mu_);
  sample::holds("g_router.mu_");
  both_hold_one.arrive_and_wait();
  routes_[request] = g_cache.get(request);
}

[[gnu::noinline]] void serve_request() { g_cache.get(7); }
[[gnu::noinline]] void expire_route() { g_router.forget(7); }

int main() {
  sample::begin();
  g_router.tell_lock(), g_cache.tell_lock();
  sample::start("router", [] { g_router.dispatch(1); });
  sample::start("evictor", [] { g_cache.evict(1); });
  sample::wait_for_waits(2);
  for (int i = 0; i < 6; ++i) sample::start("handler-" + std::to_string(i), serve_request);
  for (int i = 0; i < 2; ++i) sample::start("expiry-" + std::to_string(i), expire_route);
  sample::cycle("router evictor"), sample::finding("deadlock");
  sample::pile_up("g_cache.mu_", 6, "evictor");
  sample::pile_up("g_router.mu_", 2, "router");
  sample::ready(10);
}
