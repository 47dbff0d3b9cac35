// A server forks a child while one of its threads writes to the log. The child gets a copy of the
// memory, the locked mutex included, but not the thread that would unlock it. The parent lives on
// and is well; the child hangs at its first line of log.
//
//     child ──wants──▶ its copy of g_log ──held by──▶ a thread of the parent, not of the child
//
// pstuck: held it when this process was forked

#include <chrono>
#include <latch>
#include <mutex>
#include <string>
#include <thread>

#include "sample.h"

std::mutex g_log;
std::latch log_is_held(1);

[[gnu::noinline]] void rotate_log() {
  std::lock_guard lock(g_log);
  sample::holds("g_log");
  log_is_held.count_down();
  std::this_thread::sleep_for(std::chrono::hours(1));
}

[[gnu::noinline]] void write_log(const std::string& line) {
  sample::waits("g_log");
  std::lock_guard lock(g_log);
  sample::tell("logged " + line);
}

[[gnu::noinline]] void run_child() {
  sample::begin();
  sample::role("child");
  write_log("the child has started");
}

int main() {
  sample::begin();
  sample::lock("g_log", &g_log);
  sample::finding("fork_inherited");
  sample::start("rotator", rotate_log);
  log_is_held.wait();
  if (fork() == 0) {
    run_child();
    return 0;
  }
  sample::ready(1);
}
