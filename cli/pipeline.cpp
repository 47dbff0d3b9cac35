#include "cli/pipeline.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "analyzers/confirm_across.h"
#include "attach/redact.h"
#include "cli/across_sentences.h"
#include "cli/lock_file.h"
#include "cli/looked.h"
#include "cli/renderers.h"
#include "cli/settle.h"
#include "cli/trouble.h"

namespace pstuck {
namespace {

// So many processes are followed at most: a server can have thousands of clients.
constexpr std::size_t kMostFollowed = 256;

std::vector<ProcessView> views_of(const std::vector<Looked>& processes) {
  std::vector<ProcessView> views;
  for (const Looked& process : processes) {
    views.push_back({process.report.snapshot, process.report.diagnosis});
  }
  return views;
}

Opened open_process(Tid process, const Options& options) {
  return open_for_looking(std::to_string(process.value), options, {});
}

/// Looks from outside at the processes that those wait for which were looked at before, one hop
/// after the other. One that cannot be looked at is named all the same, by those who wait for it.
void follow(const Options& options, OpenDescriptors& descriptors, std::vector<Looked>& processes) {
  std::set<Tid> known;
  for (const Looked& process : processes) known.insert(process.report.snapshot.process.pid);
  const std::size_t most = processes.size() + kMostFollowed;
  std::size_t first = 0;
  for (std::size_t hop = 0; hop < options.follow; ++hop) {
    const std::size_t end = processes.size();
    for (; first < end; ++first) {
      const Report& report = processes[first].report;
      if (report.snapshot.saved) continue;  // its processes are those of another time
      for (const Tid pid : find_processes_to_follow({report.snapshot, report.diagnosis})) {
        if (processes.size() == most || !known.insert(pid).second) continue;
        try {
          processes.push_back(look_from_outside(open_process(pid, options), descriptors));
        } catch (const Error&) {
          continue;
        }
      }
    }
  }
}

/// Empty where the process can no longer be looked at: then none of its threads stood still.
Report look_again_from_outside(Target& target, OpenDescriptors& descriptors) {
  try {
    return look_from_outside(target, descriptors);
  } catch (const Error&) {
    return {};
  }
}

void confirm_across(std::vector<Looked>& processes, Across& across) {
  if (across.cycles.empty() && across.roots.empty()) return;
  // Chains form and dissolve in any process tree at work: not much time is spent on them.
  const int most_looks = across.cycles.empty() ? kFewLooks : kMostLooks;
  const std::vector<ProcessView> views = views_of(processes);
  std::vector<std::vector<Tid>> threads;
  std::vector<LaterLook> looks;
  bool any_seen = false;
  for (ProcessIndex i = 0; i < processes.size(); ++i) {
    threads.push_back(find_who_must_stand_still(views, across, i));
    auto look = processes[i].opened.target->look_again(threads[i], {});
    any_seen = any_seen || (look && !threads[i].empty());
    looks.emplace_back().first = std::move(look).value_or(Look{});
  }
  // Snapshots of an older pstuck have no looks at chains.
  if (!any_seen && across.cycles.empty() && views.front().snapshot.saved) return;
  const auto look_again = [&](bool is_last) {
    OpenDescriptors descriptors;
    for (ProcessIndex i = 0; i < processes.size(); ++i) {
      if (threads[i].empty()) continue;
      Report again = look_again_from_outside(*processes[i].opened.target, descriptors);
      looks[i].snapshot = std::move(again.snapshot);
      looks[i].diagnosis = std::move(again.diagnosis);
    }
    for (ProcessIndex i = 0; i < processes.size(); ++i) {
      looks[i].second = processes[i].opened.target->look_again(threads[i], {}).value_or(Look{});
    }
    const bool still = nothing_moved(views, looks, across);
    if (still || is_last) confirm(views, looks, across);
    for (LaterLook& look : looks) look.first = std::move(look.second);
    return still;
  };
  wait_until_settled(processes.front().report.snapshot.is_running(), look_again, most_looks);
}

Error no_process_chosen(const ProcessChoice& choice) {
  const std::string list = "list the processes: ps -e -o pid,ppid,pgid,comm";
  switch (choice.by) {
    case ProcessChoice::By::kTree:
      return {ErrorKind::kNoSuchProcess, fmt::format("there is no process {}", choice.id.value),
              list};
    case ProcessChoice::By::kGroup:
      return {ErrorKind::kNoSuchProcess,
              fmt::format("no process is in process group {}", choice.id.value), list};
    case ProcessChoice::By::kName:
      return {ErrorKind::kNoSuchProcess, fmt::format("no process has the name {}", choice.name),
              list};
    case ProcessChoice::By::kAll:
      break;
  }
  return {ErrorKind::kNoSuchProcess, "there is no other process", ""};
}

Reports gather(std::vector<Looked>& processes, std::size_t targets, Across across) {
  Reports reports{.across = std::move(across)};
  for (std::size_t i = 0; i < processes.size(); ++i) {
    (i < targets ? reports.targets : reports.followed).push_back(std::move(processes[i].report));
  }
  std::map<Tid, const Report*> report_of;
  for (ProcessIndex i = 0; i < reports.size(); ++i) {
    report_of.emplace(reports.process(i).snapshot.process.pid, &reports.process(i));
  }
  for (std::vector<Report>* const list : {&reports.targets, &reports.followed}) {
    for (Report& report : *list) {
      for (const Tid pid : find_processes_to_follow({report.snapshot, report.diagnosis})) {
        const auto found = report_of.find(pid);
        if (found != report_of.end()) report.neighbours.push_back(found->second);
      }
    }
  }
  return reports;
}

/// Whether a closer look could tell more than one from outside has: something is held up there, or
/// all threads wait for threads, of which a look from outside knows little.
bool is_worth_a_closer_look(const Report& report) {
  const auto is_in_futex = [](const ThreadStatus& thread) {
    return thread.activity == Activity::kWaits || thread.activity == Activity::kFutex;
  };
  return !is_calm(report) || std::ranges::all_of(report.diagnosis.threads, is_in_futex);
}

class Pipeline {
 public:
  Pipeline(const Options& options, const std::function<void(const Error&)>& trouble)
      : options_(options), trouble_(trouble), files_(read_lock_files(options.lock_files)) {}

  /// `save_into` gets what was seen; may be null.
  Reports run(SnapshotFile* save_into) && {
    if (const auto* const path = find_snapshot_file()) {
      return std::move(*this).run_on(read_snapshot_file(*path), *path, save_into);
    }
    for (const std::string& spec : options_.targets) look_closely_at(spec);
    for (const ProcessChoice& choice : options_.choices) look_at_chosen(choice);
    const std::size_t targets = processes_.size();
    follow(options_, descriptors_, processes_);
    return std::move(*this).conclude(targets, save_into);
  }

  Reports run_on(SnapshotFile file, const std::string& path, SnapshotFile* save_into) && {
    const std::size_t targets = look_at_saved(std::move(file), path);
    return std::move(*this).conclude(targets, save_into);
  }

 private:
  Reports conclude(std::size_t targets, SnapshotFile* save_into) && {
    Across across = join(views_of(processes_));
    if (look_closer(targets, across)) across = join(views_of(processes_));
    confirm_across(processes_, across);
    if (save_into != nullptr) save(targets, *save_into);
    Reports reports = gather(processes_, targets, std::move(across));
    reports.unseen = std::move(unseen_);
    return reports;
  }

  /// None when no snapshot file is among the targets. Throws Error when it is not alone: what it
  /// tells is of another time, and maybe of another machine, than all else.
  [[nodiscard]] const std::string* find_snapshot_file() const {
    const auto file = std::ranges::find_if(options_.targets, is_snapshot_file);
    if (file == options_.targets.end()) return nullptr;
    if (options_.targets.size() + options_.choices.size() > 1) {
      throw Error(ErrorKind::kUsage,
                  fmt::format("{} is a saved snapshot, which is looked at alone", *file),
                  fmt::format("one after the other: pstuck {}", *file));
    }
    return &*file;
  }

  /// Returns how many of the processes were asked for when it was saved.
  std::size_t look_at_saved(SnapshotFile file, const std::string& path) {
    const SavedFacts facts{
        .path = path, .written_by = file.written_by, .host = file.host, .redacted = file.redacted};
    std::size_t targets = 0;
    for (SavedProcess& saved : file.processes) {
      if (!saved.followed) targets = processes_.size() + 1;
      const bool from_outside = saved.from_outside;
      Opened opened = open_for_looking(std::move(saved), facts, options_);
      processes_.push_back(from_outside ? look_from_outside(std::move(opened), descriptors_)
                                        : look_closely(std::move(opened), options_, files_,
                                                       descriptors_, progress_));
    }
    for (SavedUnseen& unseen : file.unseen) {
      unseen_.push_back({unseen.pid, std::move(unseen.why)});
    }
    return targets;
  }

  void save(std::size_t targets, SnapshotFile& into) const {
    const auto& saved_before =
        processes_.empty() ? std::nullopt : processes_.front().report.snapshot.saved;
    if (saved_before) into.host = saved_before->host;
    for (ProcessIndex i = 0; i < processes_.size(); ++i) {
      const Looked& looked = processes_[i];
      SavedProcess& saved = into.processes.emplace_back();
      saved.followed = i >= targets;
      saved.from_outside = looked.from_outside;
      saved.recording = looked.opened.recording->recording();
      saved.recording.captures.front().blind_spots = looked.report.snapshot.blind_spots;
      saved.symbols = looked.symbols;
      if (options_.redact && !looked.from_outside) saved.recording.memory = looked.asked;
    }
    for (const UnseenProcess& unseen : unseen_) into.unseen.push_back({unseen.pid, unseen.why});
    if (options_.redact) redact(into);
  }

  void look_closely_at(const std::string& spec) {
    try {
      Opened opened = open_for_looking(spec, options_, progress_.step("MiB of the core unpacked"));
      processes_.push_back(
          is_late() ? look_from_outside(std::move(opened), descriptors_)
                    : look_closely(std::move(opened), options_, files_, descriptors_, progress_));
      known_.insert(processes_.back().report.snapshot.process.pid);
      if (options_.looked) options_.looked(processes_.back().report);
    } catch (const Error& error) {
      trouble_(error);
    }
  }

  /// A chosen process that ends meanwhile is no trouble.
  void look_at_chosen(const ProcessChoice& choice) {
    const std::vector<Tid> chosen = choose_processes(list_processes(), choice);
    if (chosen.empty()) trouble_(no_process_chosen(choice));
    const auto progress = progress_.step("processes looked at");
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (!known_.insert(chosen[i]).second) continue;
      if (progress) progress(i, chosen.size());
      try {
        processes_.push_back(
            choice.by == ProcessChoice::By::kAll || is_late()
                ? look_from_outside(open_process(chosen[i], options_), descriptors_)
                : look_closely(open_process(chosen[i], options_), options_, files_, descriptors_,
                               progress_));
      } catch (const Error& error) {
        if (!is_of_ended_process(error)) unseen_.push_back({chosen[i], error.what()});
      }
    }
  }

  [[nodiscard]] bool is_late() const {
    return options_.closely_until && *options_.closely_until <= std::chrono::steady_clock::now();
  }

  /// Of the targets that were looked at from outside. Whether there were any.
  bool look_closer(std::size_t targets, const Across& across) {
    bool any = false;
    for (ProcessIndex i = 0; i < targets; ++i) {
      Looked& looked = processes_[i];
      if (!looked.from_outside || looked.report.snapshot.saved) continue;
      if (cycles_with(across, i).empty() && !is_worth_a_closer_look(looked.report)) continue;
      try {
        looked = look_closely(open_process(looked.report.snapshot.process.pid, options_), options_,
                              files_, descriptors_, progress_);
        any = true;
      } catch (const Error&) {
        continue;  // what was seen from outside stays
      }
    }
    return any;
  }

  const Options& options_;
  const std::function<void(const Error&)>& trouble_;
  Progress progress_;
  LockFile files_;
  OpenDescriptors descriptors_;
  std::vector<Looked> processes_;
  std::set<Tid> known_;
  std::vector<UnseenProcess> unseen_;
};

}  // namespace

Reports look_at(const Options& options, const std::function<void(const Error&)>& trouble) {
  return Pipeline(options, trouble).run(nullptr);
}

Reports look_at_saved(SnapshotFile file, const std::string& path, const Options& options) {
  const std::function<void(const Error&)> no_trouble = [](const Error&) {};
  return Pipeline(options, no_trouble).run_on(std::move(file), path, nullptr);
}

SnapshotFile new_snapshot_file() {
  std::array<char, 256> host{};
  const bool known = ::gethostname(host.data(), host.size() - 1) == 0;
  return {.written_by = "pstuck " PSTUCK_VERSION, .host = known ? host.data() : ""};
}

Reports look_and_save(Options options, const std::function<void(const Error&)>& trouble,
                      SnapshotFile& into) {
  options.record = true;
  return Pipeline(options, trouble).run(&into);
}

}  // namespace pstuck
