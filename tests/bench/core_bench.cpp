#include <benchmark/benchmark.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "attach/target.h"
#include "symbolize/symbolize.h"

namespace {

namespace fs = std::filesystem;

/// A core of pstuck_crowd with this many threads; empty when gcore wrote none.
std::string make_core(const fs::path& directory, std::int64_t threads) {
  const fs::path crowd = fs::read_symlink("/proc/self/exe").parent_path() / "pstuck_crowd";
  // The crowd ends when its standard input does, and that is when gcore is done.
  const std::string script = "mkfifo ask answer && { " + crowd.string() + " " +
                             std::to_string(threads) +
                             " <ask >answer & } && exec 3>ask 4<answer && read -r pid <&4 && "
                             "gcore -o core \"$pid\" >gcore.log 2>&1 && mv \"core.$pid\" core";
  const std::string command = "cd " + directory.string() + " && sh -c '" + script + "'";
  if (std::system(command.c_str()) != 0) return {};
  return (directory / "core").string();
}

void unwind_and_symbolize_core(benchmark::State& state) {
  std::string pattern = (fs::temp_directory_path() / "pstuck-bench-XXXXXX").string();
  const fs::path directory = mkdtemp(pattern.data());
  const std::string core = make_core(directory, state.range(0));
  if (core.empty()) {
    state.SkipWithError("gcore (package gdb) wrote no core");
    fs::remove_all(directory);
    return;
  }
  for ([[maybe_unused]] const auto& step : state) {
    const auto target = pstuck::open_target(core, {});
    const pstuck::Snapshot snapshot = target->capture({});
    pstuck::SnapshotMemory memory(snapshot, target->memory());
    pstuck::Symbolizer symbolizer(snapshot, memory, {});
    benchmark::DoNotOptimize(symbolizer.symbolize());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  fs::remove_all(directory);
}
BENCHMARK(unwind_and_symbolize_core)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
