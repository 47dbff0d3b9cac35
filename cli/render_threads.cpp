#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/escape.h"
#include "cli/renderers.h"
#include "cli/text_page.h"
#include "cli/words.h"

namespace pstuck {
namespace {

/// The thread's name in quotes, as jstack and its readers write it.
std::string quoted_name(const ThreadSnapshot& thread) {
  std::string quoted = "\"";
  for (const char c : printable(thread.name, 64)) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

/// The locks that each thread holds, as far as other threads wait for them.
std::vector<std::vector<ResourceIndex>> locks_held(const Report& report) {
  std::vector<std::vector<ResourceIndex>> held(report.snapshot.threads.size());
  const auto& resources = report.diagnosis.resources;
  for (ResourceIndex i = 0; i < resources.size(); ++i) {
    const Holder& holder = resources[i].holder;
    const bool known = holder.fate == OwnerFate::kThread && holder.thread;
    if (known && resources[i].kind != ResourceKind::kThread) held.at(*holder.thread).push_back(i);
  }
  return held;
}

std::string lock_in_full(const TextPage& page, ResourceIndex index) {
  const Resource& resource = page.report.diagnosis.resources.at(index);
  if (resource.name.empty()) return page.labels().lock_kind(index);
  return fmt::format("{} ({})", page.sentences.lock(index), page.labels().lock_kind(index));
}

std::string holder_in_full(const TextPage& page, ResourceIndex index) {
  const Holder& holder = page.report.diagnosis.resources.at(index).holder;
  const auto& threads = page.report.snapshot.threads;
  const bool known = holder.fate == OwnerFate::kThread && holder.thread;
  if (!known || *holder.thread >= threads.size()) return page.sentences.holder(index);
  const ThreadSnapshot& thread = threads[*holder.thread];
  return fmt::format("{}held by {} \"{}\"", holder.evidence == Evidence::kInferred ? "likely " : "",
                     thread.tid.value, printable(thread.name, 64));
}

std::string wait_line(const TextPage& page, const Wait& wait) {
  const Resource& resource = page.report.diagnosis.resources.at(wait.resource);
  std::string text;
  if (resource.kind == ResourceKind::kThread) {
    text = "- waiting for " + page.sentences.lock(wait.resource);
  } else {
    text = fmt::format("- waiting to lock {}{}, {}",
                       wait.kind == WaitKind::kRelockAfterCondition ? "again " : "",
                       lock_in_full(page, wait.resource), holder_in_full(page, wait.resource));
  }
  if (wait.waited) text += ", for " + duration_words(*wait.waited);
  if (wait.deadline) text += ", " + page.sentences.deadline(wait);
  return text;
}

/// "in futex, not run for 3m 12s, cpu 29 ms, started 10m 17s ago".
std::string thread_facts(const TextPage& page, ThreadIndex index) {
  const ThreadSnapshot& thread = page.report.snapshot.threads[index];
  const ThreadStatus& status = page.labels().status(index);
  std::vector<std::string> facts;
  if (status.syscall >= 0) facts.push_back("in " + syscall_words(status.syscall));
  if (thread.not_run_for) facts.push_back("not run for " + duration_words(*thread.not_run_for));
  if (thread.cpu_time) facts.push_back("cpu " + duration_words(*thread.cpu_time));
  if (thread.age) facts.push_back(fmt::format("started {} ago", duration_words(*thread.age)));
  if (thread.tid_in_target != thread.tid) {
    facts.push_back(fmt::format("tid {} in its own namespace", thread.tid_in_target.value));
  }
  return joined(facts, ", ");
}

void print_state(const TextPage& page, ThreadIndex index) {
  const ThreadSnapshot& thread = page.report.snapshot.threads[index];
  page.out << "   state: " << state_words(thread.state);
  if (page.labels().status(index).activity != Activity::kRuns) {
    page.out << ", " << page.sentences.activity(index);
  }
  if (const auto deadlock = page.labels().deadlock_of(index)) {
    page.out << ", in "
             << (page.labels().deadlocks() == 1 ? "the deadlock"
                                                : fmt::format("deadlock {}", *deadlock + 1));
  }
  page.out << '\n';
  if (thread.capture == CaptureWay::kReadWithoutStop) {
    page.out << "   read without a stop: " << capture_reason_words(thread.capture_reason) << '\n';
  } else if (thread.capture == CaptureWay::kNotCaptured) {
    page.out << "   no stack: " << capture_reason_words(thread.capture_reason) << '\n';
  }
}

void print_thread(const TextPage& page, ThreadIndex index, const std::vector<ResourceIndex>& held) {
  const ThreadSnapshot& thread = page.report.snapshot.threads[index];
  const ThreadStatus& status = page.labels().status(index);
  page.out << '\n'
           << page.palette.paint(page.palette.name, quoted_name(thread)) << " tid "
           << thread.tid.value;
  const std::string facts = thread_facts(page, index);
  page.out << (facts.empty() ? "" : "  ") << facts << '\n';
  print_state(page, index);
  const Wait* const wait = status.wait ? &page.report.diagnosis.waits.at(*status.wait) : nullptr;
  const auto print_wait = [&](std::size_t frame) {
    if (wait == nullptr || wait->frame != frame) return;
    page.out << "       " << page.palette.paint(page.palette.marker, wait_line(page, *wait))
             << '\n';
  };
  if (wait != nullptr && page.labels().location(index, wait->frame) == nullptr) {
    page.out << "   " << wait_line(page, *wait) << '\n';
  }
  const std::size_t all = page.labels().stack(index).frames.size();
  if (thread.capture != CaptureWay::kNotCaptured || all > 0) {
    print_frames(page, {index, 0, all, "   ", false}, print_wait);
  }
  for (const ResourceIndex resource : held) {
    page.out << "   - holds " << lock_in_full(page, resource) << '\n';
  }
}

std::string command_line(const Process& process) {
  constexpr std::size_t kWidth = 160;
  std::string command;
  for (const std::string& argument : process.command_line) {
    const std::string word = shell_word(printable(argument, kWidth));
    if (columns(command) + columns(word) > kWidth) return command + " …";
    command += (command.empty() ? "" : " ") + word;
  }
  return command;
}

void print_heading(const TextPage& page) {
  const auto& findings = page.report.diagnosis.findings;
  if (findings.empty()) {
    page.out << page.palette.paint(page.palette.good, page.sentences.calm_verdict()) << "  "
             << page.sentences.process() << '\n';
  }
  for (const Finding& finding : findings) print_verdict(page, finding, page.sentences.process());
  const std::string command = command_line(page.report.snapshot.process);
  if (!command.empty()) page.out << command << '\n';
  page.out << page.sentences.capture() << '\n';
}

void print_found(const TextPage& page) {
  const auto& findings = page.report.diagnosis.findings;
  page.out << "\nFound " << page.sentences.count() << ".\n";
  for (const Finding& finding : findings) {
    page.out << '\n';
    print_verdict(page, finding, "");
    page.out << '\n';
    if (finding.cycle) print_cycle(page, page.report.diagnosis.cycles.at(*finding.cycle));
    print_evidence(page, finding);
  }
  for (const PileUp& pile_up : page.report.diagnosis.pile_ups) {
    page.out << '\n' << page.sentences.pile_up(pile_up) << '\n';
    print_groups(page, pile_up.groups);
  }
}

}  // namespace

void render_threads(const Report& report, const Palette& palette, std::ostream& out) {
  const TextPage page(report, palette, out);
  print_heading(page);
  const auto held = locks_held(report);
  for (ThreadIndex i = 0; i < report.snapshot.threads.size(); ++i) print_thread(page, i, held[i]);
  print_found(page);
  print_blind_spots(page);
}

}  // namespace pstuck
