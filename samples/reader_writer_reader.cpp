// A weather map is read by many and written by one. An editor reads the map and wants to note it in
// the log; an archiver has the log and wants to read the map. Both only read, and still they wait
// for each other: between them stands a writer, and this lock lets no reader pass a waiting writer.
//
//     editor ──wants──▶ g_log ──held by──▶ archiver ──wants to read──▶ g_map ──read by──▶ editor
//                                                                        ▲
//                                              updater ──wants to write──┘ and is first in the
//                                              queue
//
// pstuck: 2 threads likely wait for each other

#include <mutex>

#include "sample.h"

pthread_rwlock_t g_map;
std::mutex g_log;
int temperature = 20;

[[gnu::noinline]] void write_log() {
  sample::waits("g_log");
  std::lock_guard lock(g_log);
  ++temperature;
}

[[gnu::noinline]] void edit() {
  pthread_rwlock_rdlock(&g_map);
  sample::partner("g_map", "reads");
  sample::wait_for_waits(2);
  write_log();
  pthread_rwlock_unlock(&g_map);
}

[[gnu::noinline]] void update() {
  sample::wait_for_holds(2);
  sample::waits("g_map", "write_lock");
  pthread_rwlock_wrlock(&g_map);
  ++temperature;
  pthread_rwlock_unlock(&g_map);
}

[[gnu::noinline]] void read_map() {
  sample::waits("g_map", "read_lock");
  pthread_rwlock_rdlock(&g_map);
  ++temperature;
  pthread_rwlock_unlock(&g_map);
}

[[gnu::noinline]] void archive(pid_t updater) {
  std::lock_guard lock(g_log);
  sample::holds("g_log");
  sample::wait_until_asleep(updater);
  read_map();
}

int main() {
  sample::begin();
  pthread_rwlockattr_t like;
  pthread_rwlockattr_init(&like);
  pthread_rwlockattr_setkind_np(&like, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
  pthread_rwlock_init(&g_map, &like);
  sample::lock("g_map", &g_map, "rwlock");
  sample::lock("g_log", &g_log);
  sample::start("editor", edit);
  const pid_t updater = sample::start("updater", update);
  sample::start("archiver", [updater] { archive(updater); });
  sample::needs("library_symbols", "partner cycle finding");
  sample::cycle("archiver editor"), sample::finding("deadlock", "inferred");
  sample::ready(3);
}
