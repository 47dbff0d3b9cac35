// A process to make cores of: THREADS of it wait for one mutex, some calls deep; it has filled so
// many MiB of memory with noise, and reserved so many GiB of which it touched a page in each MiB of
// the first one. It says its id and stays until it is killed.
//
//   pstuck_big_process THREADS FILLED_MIB RESERVED_GIB

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace {

constexpr std::size_t kMebibyte = 1 << 20;

std::mutex g_queue;
std::atomic<long> waiting = 0;

[[gnu::noinline]] int take_job(int depth) {
  if (depth > 0) return take_job(depth - 1) + 1;
  ++waiting;
  std::lock_guard lock(g_queue);
  return 1;
}

[[gnu::noinline]] void run_worker() { std::exit(take_job(8)); }

char* reserve(std::size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return static_cast<char*>(memory);
}

void fill(char* memory, std::size_t bytes) {
  auto* const words = reinterpret_cast<std::uint64_t*>(memory);
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < bytes / sizeof *words; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    words[i] = state >> 24;  // some of its bits are alike, as in memory
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  alarm(3600);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  const long threads = std::atol(argv[1]);
  const std::size_t filled = std::strtoul(argv[2], nullptr, 10) * kMebibyte;
  const std::size_t reserved = std::strtoul(argv[3], nullptr, 10) * kMebibyte * 1024;
  if (filled > 0) fill(reserve(filled), filled);
  if (reserved > 0) {
    char* const memory = reserve(reserved);
    for (std::size_t at = 0; at < 1024 * kMebibyte; at += kMebibyte) memory[at] = 1;
  }
  g_queue.lock();
  for (long i = 0; i < threads; ++i) std::thread(run_worker).detach();
  while (waiting < threads) sched_yield();
  std::printf("%d\n", getpid());
  std::fflush(stdout);
  while (true) pause();
}
