// Case study: a cache misses and asks the database under its own mutex. The database has two
// connections, and both are in the hands of queries that want the cache. Everybody who reads the
// cache stacks up behind it.
//
//     20 × request ──▶ g_cache.mu_ ──held by──▶ refresher ──wants──▶ g_connections, 0 of 2 left
//                         ▲                                               │
//                         └───────wants──────── 2 × query ◀───taken by────┘
//
// A pool behind a condition variable says less: that the query threads have the connections stands
// in no lock. But the cache's mutex has a holder that waits.
//
// Run with: semaphore | condition
// pstuck: 3 threads likely wait for each other
// pstuck: 22 threads wait for g_cache.mu_

#include <semaphore.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

#include "sample.h"

sem_t g_connections;

class Database {
 public:
  void take() {
    std::unique_lock lock(mu_);
    came_back_.wait(lock, [this] { return free_ > 0; });
    --free_;
  }
  void give_back() {
    std::lock_guard lock(mu_);
    ++free_;
    came_back_.notify_one();
  }
  void tell_lock() { sample::lock("g_database.came_back_", &came_back_, "condition"); }

 private:
  std::mutex mu_;
  std::condition_variable came_back_;
  int free_ = 2;
};

Database g_database;

class Cache {
 public:
  std::string get(int key);
  void refresh(void (*ask)());
  void tell_lock() { sample::lock("g_cache.mu_", &mu_); }

 private:
  std::mutex mu_;
  std::map<int, std::string> entries_;
};

Cache g_cache;

[[gnu::noinline]] std::string Cache::get(int key) {
  sample::waits("g_cache.mu_");
  std::lock_guard lock(mu_);
  return entries_[key];
}

[[gnu::noinline]] void Cache::refresh(void (*ask)()) {
  std::lock_guard lock(mu_);
  sample::holds("g_cache.mu_");
  sample::wait_for_holds(3);
  ask();
  entries_.clear();
}

[[gnu::noinline]] void ask_with_semaphore() {
  sample::waits("g_connections", "unit");
  sem_wait(&g_connections);
  sem_post(&g_connections);
}

[[gnu::noinline]] void query_with_semaphore() {
  sem_wait(&g_connections);
  sample::partner("g_connections", "took_unit");
  sample::wait_for_holds(3);
  g_cache.get(1);
  sem_post(&g_connections);
}

[[gnu::noinline]] void ask_with_condition() {
  g_database.take();
  g_database.give_back();
}

[[gnu::noinline]] void query_with_condition() {
  g_database.take();
  ++sample::holds_told();
  sample::wait_for_holds(3);
  g_cache.get(1);
  g_database.give_back();
}

[[gnu::noinline]] void serve_request() { g_cache.get(2); }

int main(int, char** argv) {
  sample::begin();
  const bool has_semaphore = std::string(argv[1]) == "semaphore";
  g_cache.tell_lock();
  sem_init(&g_connections, 0, 2);
  for (int i = 1; i <= 2; ++i) {
    sample::start("query-" + std::to_string(i),
                  has_semaphore ? query_with_semaphore : query_with_condition);
  }
  sample::wait_for_holds(2);
  sample::start("refresher",
                [=] { g_cache.refresh(has_semaphore ? ask_with_semaphore : ask_with_condition); });
  sample::wait_for_holds(3);
  for (int i = 1; i <= 20; ++i) sample::start("request-" + std::to_string(i), serve_request);
  if (has_semaphore) {
    sample::lock("g_connections", &g_connections, "semaphore");
    sample::needs("library_symbols", "partner cycle finding");
    sample::knot("refresher query-1 query-2"), sample::finding("deadlock", "inferred");
    sample::pile_up("g_cache.mu_", 20, "refresher");
  } else {
    sample::pile_up("g_cache.mu_", 22, "refresher");
  }
  sample::ready(has_semaphore ? 23 : 22);
}
