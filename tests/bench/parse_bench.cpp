#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>
#include <string>

#include "attach/proc_parse.h"

namespace {

std::string read_own(const char* file) {
  std::ifstream stream(std::string("/proc/self/") + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// All that is parsed for each thread before it is stopped.
void parse_thread(benchmark::State& state) {
  const std::string stat = read_own("stat");
  const std::string status = read_own("status");
  const std::string sched = read_own("sched");
  const std::string syscall = "202 0x7f0 0x80 0x2 0x0 0x0 0x0 0x7ffd0 0x7f1\n";
  for ([[maybe_unused]] const auto& step : state) {
    benchmark::DoNotOptimize(pstuck::parse_stat(stat));
    benchmark::DoNotOptimize(pstuck::parse_status(status));
    benchmark::DoNotOptimize(pstuck::parse_sched(sched));
    benchmark::DoNotOptimize(pstuck::parse_syscall(syscall));
  }
}
BENCHMARK(parse_thread);

void parse_maps(benchmark::State& state) {
  const std::string own = read_own("maps");
  std::string text;
  for (std::int64_t i = 0; i < state.range(0); ++i) text += own;
  for ([[maybe_unused]] const auto& step : state) {
    benchmark::DoNotOptimize(pstuck::parse_maps(text));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_maps)->Arg(1)->Arg(100);

}  // namespace
