// A thread finds its input broken and ends – by pthread_exit, past the unlock. Nobody will ever
// unlock the mutex: its owner field names a thread that is gone.
//
//     writer-1, writer-2 ──want──▶ g_output ──held by──▶ a thread that has ended
//
// Build with: aarch64
// pstuck: exited without unlocking it

#include <pthread.h>

#include <string>
#include <thread>

#include "sample.h"

pthread_mutex_t g_output = PTHREAD_MUTEX_INITIALIZER;

[[gnu::noinline]] void parse_input(const std::string& input) {
  pthread_mutex_lock(&g_output);
  sample::holds("g_output");
  if (input.empty()) pthread_exit(nullptr);
  pthread_mutex_unlock(&g_output);
}

[[gnu::noinline]] void write_result(int result) {
  sample::waits("g_output");
  pthread_mutex_lock(&g_output);
  sample::tell("result " + std::to_string(result));
  pthread_mutex_unlock(&g_output);
}

int main() {
  sample::begin();
  sample::lock("g_output", &g_output);
  std::thread([] { sample::role("parser"), parse_input(""); }).join();
  sample::exited("parser");
  sample::start("writer-1", [] { write_result(1); });
  sample::start("writer-2", [] { write_result(2); });
  sample::pile_up("g_output", 2, "parser");
  sample::finding("owner_exited");
  sample::ready(2);
}
