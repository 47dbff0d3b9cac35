// Healthy. A process has set aside room for a cache that nobody has used yet: its main thread knows
// where each page begins, and no page is in memory. Looking for held locks must not change that,
// and a table of workers that has numbers where a mutex has its fields is no lock.
//
//     main ── pages[0 … 511] ──▶ 2 MiB of shared memory, none of it present
//       └──── table ──▶ { 1 active, 0 errors, worker 7, 1 job, … }
//
// pstuck: Nothing is stuck

#include <sys/mman.h>

#include <array>
#include <memory>

#include "sample.h"

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPages = 512;

struct WorkerRecord {
  int active = 1;
  int errors = 0;
  int worker = 7;
  int jobs = 1;
  std::array<long, 3> times{};
};

[[gnu::noinline]] void wait_for_requests(const std::array<char*, kPages>& pages,
                                         const WorkerRecord& record) {
  if (pages[0] == nullptr || record.worker != 7) std::abort();
  sample::ready(0);
}

int main() {
  sample::begin();
  sample::role("main");
  auto* const cache = static_cast<char*>(
      mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (cache == MAP_FAILED) sample::skip("no shared memory");
  std::array<char*, kPages> pages{};
  for (std::size_t i = 0; i < kPages; ++i) pages[i] = cache + i * kPage;
  const auto record = std::make_unique<WorkerRecord>();
  sample::healthy();
  wait_for_requests(pages, *record);
}
