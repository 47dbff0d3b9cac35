#include "cli/looked.h"

#include <algorithm>
#include <cstdlib>

#include "analyzers/confirm.h"
#include "attach/saved_target.h"
#include "cli/sampling.h"
#include "cli/settle.h"
#include "symbolize/no_program.h"
#include "symbolize/saved_symbols.h"
#include "symbolize/symbolize.h"

namespace pstuck {
namespace {

void confirm_findings(Target& target, Report& report) {
  const ConfirmRequest request = find_what_to_confirm(report.snapshot, report.diagnosis);
  if (request.threads.empty()) return;
  auto first = target.look_again(request.threads, request.locks);
  if (!first) return;  // a core: nothing moves in it
  wait_until_settled(report.snapshot.is_running(), [&](bool is_last) {
    auto second = target.look_again(request.threads, request.locks);
    if (!second) return true;  // a snapshot may lack what it is asked for
    const bool still = nothing_moved(report.snapshot, *first, *second, report.diagnosis);
    if (still || is_last) confirm(report.snapshot, *first, *second, report.diagnosis);
    first = std::move(second);
    return still;
  });
}

/// Each once: a saved snapshot has those of its own time already.
void add_blind_spots(const std::vector<BlindSpot>& spots, Snapshot& snapshot) {
  auto& known = snapshot.blind_spots;
  for (const BlindSpot& spot : spots) {
    if (std::ranges::find(known, spot) == known.end()) known.push_back(spot);
  }
}

/// How many frames have a name, and how many a line.
std::pair<std::size_t, std::size_t> count_named(const Stacks& stacks) {
  std::pair<std::size_t, std::size_t> named;
  for (const Stack& stack : stacks.stacks) {
    for (const Frame& frame : stack.frames) {
      named.first += stacks.at(frame).function.empty() ? 0 : 1;
      named.second += stacks.at(frame).file.empty() ? 0 : 1;
    }
  }
  return named;
}

bool points_to_files(const Options& options) {
  return !options.executable.empty() || !options.places.sysroot.empty() ||
         !options.places.debug_directories.empty() || std::getenv("DEBUGINFOD_URLS") != nullptr;
}

/// Where the files of a snapshot's modules may be now; whoever opens one checks its build ID.
void set_local_files(const Options& options, Snapshot& snapshot) {
  for (Module& module : snapshot.modules) {
    const bool is_program = module.path == snapshot.process.executable;
    module.local_file = is_program && !options.executable.empty()
                            ? options.executable
                            : resolve_in_sysroot(options.places.sysroot, module.path);
  }
}

/// A snapshot has the names that its own machine knew. Files that the user points to may know more:
/// they count when they name more of the frames.
std::unique_ptr<Symbols> open_symbols(const Opened& opened, const Options& options,
                                      const SymbolizeOptions& symbolizing, Snapshot& snapshot,
                                      Memory& memory) {
  if (opened.saved_symbols.empty()) {
    return std::make_unique<Symbolizer>(snapshot, memory, symbolizing);
  }
  const std::size_t threads = snapshot.threads.size();
  SavedSymbols saved = restore_symbols(opened.saved_symbols);
  if (points_to_files(options) && !snapshot.saved->redacted) {
    set_local_files(options, snapshot);
    auto anew = std::make_unique<Symbolizer>(snapshot, memory, symbolizing);
    if (count_named(anew->symbolize()) > count_named(saved.stacks)) return anew;
  }
  return open_saved_symbols(std::move(saved), threads);
}

Opened remembering(Opened opened, const Options& options) {
  if (!options.record) return opened;
  auto recording = std::make_unique<RecordingTarget>(std::move(opened.target));
  opened.recording = recording.get();
  opened.target = std::move(recording);
  return opened;
}

std::vector<OwnLockFunction> lock_functions_of(const std::vector<LockDescription>& locks) {
  std::vector<OwnLockFunction> functions;
  for (const LockDescription& lock : locks) {
    functions.insert(functions.end(), lock.functions.begin(), lock.functions.end());
  }
  return functions;
}

}  // namespace

Looked look_closely(Opened opened, const Options& options, const LockFile& files,
                    OpenDescriptors& descriptors, Progress& progress) {
  Looked looked{.opened = std::move(opened)};
  Target& target = *looked.opened.target;
  Report& report = looked.report;

  report.snapshot = target.capture({.stack_bytes = options.stack_bytes,
                                    .stop = options.stop,
                                    .freeze = options.freeze,
                                    .descriptors = &descriptors,
                                    .progress = progress.step("threads captured")});
  // From here on a live target is running again.

  SnapshotMemory memory(report.snapshot, target.memory());
  const std::unique_ptr<Symbols> told =
      open_symbols(looked.opened, options,
                   {.max_frames = options.max_frames,
                    .lines = options.lines,
                    .places = options.places,
                    .lock_functions = lock_functions_of(files.locks),
                    .progress = progress.step("stacks unwound")},
                   report.snapshot, memory);
  RecordingSymbols recorded(*told);
  Symbols& symbols = options.record ? static_cast<Symbols&>(recorded) : *told;
  report.stacks = symbols.symbolize();

  RecordingMemory recorded_memory(memory);
  Memory& asked = options.record ? static_cast<Memory&>(recorded_memory) : memory;
  report.diagnosis = diagnose(report.snapshot, report.stacks, {asked, symbols, target},
                              {.scan_memory = options.scan_memory,
                               .max_memory = options.max_memory,
                               .locks = files.locks,
                               .rules = files.rules,
                               .progress = progress.step("MiB searched for held locks")});
  confirm_findings(target, report);

  // What a thread does that runs while others wait for it takes several looks to tell.
  if (options.stop) take_samples(target, memory, symbols, options, report);

  add_blind_spots(symbols.blind_spots(), report.snapshot);
  add_blind_spots(report.diagnosis.blind_spots, report.snapshot);
  if (options.record) {
    looked.symbols = save(recorded.saved());
    looked.asked = recorded_memory.saved();
  }
  return looked;
}

Report look_from_outside(Target& target, OpenDescriptors& descriptors) {
  Report report{.snapshot =
                    target.capture({.stack_bytes = 0, .stop = false, .descriptors = &descriptors})};
  report.stacks.stacks.resize(report.snapshot.threads.size());
  SnapshotMemory memory(report.snapshot, target.memory());
  NoProgram program;
  report.diagnosis = diagnose(report.snapshot, report.stacks, {memory, program, target},
                              {.scan_memory = ScanMemory::kNo});
  return report;
}

Looked look_from_outside(Opened opened, OpenDescriptors& descriptors) {
  Looked looked{.opened = std::move(opened), .from_outside = true};
  looked.report = look_from_outside(*looked.opened.target, descriptors);
  return looked;
}

Opened open_for_looking(const std::string& spec, const Options& options,
                        std::function<void(std::size_t, std::size_t)> unpacking) {
  return remembering({.target = open_target(spec, {.executable = options.executable,
                                                   .places = options.places,
                                                   .progress = std::move(unpacking)})},
                     options);
}

Opened open_for_looking(SavedProcess saved, const SavedFacts& facts, const Options& options) {
  return remembering({.target = open_recording(std::move(saved.recording), facts),
                      .saved_symbols = std::move(saved.symbols)},
                     options);
}

}  // namespace pstuck
