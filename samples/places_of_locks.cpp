// The same mistake, a lock locked again by its owner, with a lock in every kind of place that a
// variable can be: each has its name down to the member or the element.
//
//     worker ──wants──▶ the lock ──held by──▶ worker
//
// Run with: function_static | in_namespace | anonymous | element | base | in_union | member |
// Run with: thread_local
// pstuck: which it holds itself

#include <map>
#include <mutex>
#include <string>

#include "sample.h"

namespace storage {
std::mutex pages_lock;
}
namespace {
std::mutex hidden_lock;
}

struct Shard {
  int entries = 0;
  std::mutex mu;
};

struct Table {
  Shard shards[4];
  Shard spare[2][3];
} g_table;
class Lockable {
 public:
  std::mutex& lock() { return mu_; }

 private:
  std::mutex mu_;
};
struct Journal : Lockable {
  std::string lines;
} g_journal;
union Slot {
  char bytes[96];
  Shard shard{};
} g_slot;
thread_local Shard t_shard;

std::mutex& once_made_lock() {
  static std::mutex made_lock;
  return made_lock;
}

[[gnu::noinline]] void lock_again(std::mutex& lock) {
  sample::waits("lock");
  std::lock_guard guard(lock);
}

[[gnu::noinline]] void lock_twice(std::mutex& lock) {
  std::lock_guard guard(lock);
  sample::holds("lock");
  lock_again(lock);
}

int main(int argc, char** argv) {
  sample::begin();
  const std::map<std::string, std::pair<std::mutex*, const char*>> places = {
      {"function_static", {&once_made_lock(), "once_made_lock()::made_lock"}},
      {"in_namespace", {&storage::pages_lock, "storage::pages_lock"}},
      {"anonymous", {&hidden_lock, "(anonymous namespace)::hidden_lock"}},
      {"element", {&g_table.spare[1][2].mu, "g_table.spare[1][2].mu"}},
      {"base", {&g_journal.lock(), "g_journal.mu_"}},
      {"in_union", {&g_slot.shard.mu, "g_slot.shard.mu"}},
      {"thread_local", {&t_shard.mu, "t_shard.mu"}},
      {"member", {&g_table.shards[3].mu, "g_table.shards[3].mu"}}};
  const auto [lock, name] = places.at(argc > 1 ? argv[1] : "member");
  sample::lock("lock", lock), sample::lock_name("lock", name);
  sample::start("worker", [lock = lock] { lock_twice(*lock); });
  sample::cycle("worker"), sample::finding("deadlock");
  sample::ready(1);
}
