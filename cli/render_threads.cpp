#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/escape.h"
#include "cli/renderers.h"
#include "cli/text_page.h"
#include "cli/wait_words.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kLocksWithoutFrame = 100;

/// The thread's name in quotes, as jstack and its readers write it.
std::string quoted_name(const ThreadSnapshot& thread) {
  std::string quoted = "\"";
  for (const char c : printable(thread.name, 64)) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
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
  return fmt::format("{}{} {} \"{}\"", holder.evidence == Evidence::kInferred ? "likely " : "",
                     passive_part_words(page.report.diagnosis.resources.at(index), *holder.thread),
                     thread.tid.value, printable(thread.name, 64));
}

/// "waits 3m 12s for g_cache.mu_ (std::mutex), held by 48235 "worker-7"".
std::string wait_in_full(const TextPage& page, const Wait& wait) {
  const Resource& resource = page.report.diagnosis.resources.at(wait.resource);
  std::string text = "waits ";
  if (wait.waited) text += duration_words(*wait.waited) + " ";
  text += fmt::format("{} {}", wait_words(wait.kind), page.sentences.lock(wait.resource));
  if (resource.kind != ResourceKind::kThread) {
    if (!resource.name.empty()) text += fmt::format(" ({})", lock_words(resource));
    text += ", " + holder_in_full(page, wait.resource);
  }
  if (wait.deadline) text += ", " + page.sentences.deadline(wait);
  return text;
}

std::string wait_line(const TextPage& page, const Wait& wait) {
  if (page.report.diagnosis.resources.at(wait.resource).kind == ResourceKind::kThread) {
    return "- waiting for " + page.sentences.lock(wait.resource);
  }
  const std::string lock = lock_in_full(page, wait.resource);
  switch (wait.kind) {
    case WaitKind::kLock:
      return "- waiting to lock " + lock;
    case WaitKind::kRelockAfterCondition:
      return "- waiting to lock again " + lock;
    default:
      return fmt::format("- waiting {} {}", wait_words(wait.kind), lock);
  }
}

/// "locked g_router.mu_ (std::mutex 0x55d9…), guard lk, taken at router.cpp:86".
std::string held_line(const TextPage& page, const HeldLock& held) {
  std::string text;
  const Acquisition* const acquisition = page.labels().acquisition(&held);
  text += acquisition == nullptr ? "- locked, frame not known: " : "- locked ";
  text += lock_in_full(page, held.resource);
  const std::uint32_t recursion = page.report.diagnosis.resources.at(held.resource).recursion;
  if (recursion > 1) text += fmt::format(", {} times", recursion);
  if (acquisition != nullptr) {
    const Location& frame = *page.labels().location(held.thread, acquisition->frame);
    const std::string place = place_label(*acquisition, frame);
    const std::string way = page.sentences.attribution(*acquisition);
    if (!way.empty()) text += ", " + way;
    if (acquisition->line > 0 && place != place_label(frame)) text += ", taken at " + place;
  }
  if (held.found_by == FoundBy::kMemoryScan) text += ", found by scanning memory";
  if (held.found_by == FoundBy::kWitness) text += ", likely: it records no owner";
  return text;
}

/// "sleeping in futex, not run for 3m 12s, cpu 29 ms, started 10m 17s ago".
std::string thread_facts(const TextPage& page, ThreadIndex index) {
  const ThreadSnapshot& thread = page.report.snapshot.threads[index];
  const ThreadStatus& status = page.labels().status(index);
  std::vector<std::string> facts{std::string(state_words(thread.state))};
  if (status.wait && status.syscall >= 0) facts[0] += " in " + syscall_words(status.syscall);
  if (thread.not_run_for) facts.push_back("not run for " + duration_words(*thread.not_run_for));
  if (thread.cpu_time) facts.push_back("cpu " + duration_words(*thread.cpu_time));
  if (thread.age) facts.push_back(fmt::format("started {} ago", duration_words(*thread.age)));
  if (thread.tid_in_target != thread.tid) {
    facts.push_back(fmt::format("tid {} in its own namespace", thread.tid_in_target.value));
  }
  return joined(facts, ", ");
}

void print_thread_heading(const TextPage& page, ThreadIndex index) {
  const ThreadSnapshot& thread = page.report.snapshot.threads[index];
  const ThreadStatus& status = page.labels().status(index);
  page.out << '\n'
           << page.palette.paint(page.palette.name, quoted_name(thread)) << " tid "
           << thread.tid.value << "  "
           << (status.wait ? wait_in_full(page, page.report.diagnosis.waits.at(*status.wait)) +
                                 page.sentences.remark(index)
                           : page.sentences.activity(index));
  if (const auto deadlock = page.labels().deadlock_of(index)) {
    page.out << ", in "
             << (page.labels().deadlocks() == 1 ? "the deadlock"
                                                : fmt::format("deadlock {}", *deadlock + 1));
  }
  page.out << "\n   state: " << thread_facts(page, index) << '\n';
  if (!thread.kernel_stack.empty()) {
    page.out << "   in the kernel: " << printable(joined(thread.kernel_stack, " ← "), 1000) << '\n';
  }
  if (thread.capture == CaptureWay::kReadWithoutStop) {
    page.out << "   read without a stop: " << capture_reason_words(thread.capture_reason) << '\n';
  } else if (thread.capture == CaptureWay::kNotCaptured) {
    page.out << "   no stack: " << capture_reason_words(thread.capture_reason) << '\n';
  }
}

/// Under a frame: the lock that it waits for, and the locks that it took.
void print_locks_of_frame(const TextPage& page, ThreadIndex index, std::size_t frame) {
  const auto print = [&](const std::string& line) {
    page.out << "       " << page.palette.paint(page.palette.marker, line) << '\n';
  };
  const ThreadStatus& status = page.labels().status(index);
  if (status.wait) {
    const Wait& wait = page.report.diagnosis.waits.at(*status.wait);
    if (wait.frame == frame) print(wait_line(page, wait));
  }
  for (const HeldLock* const held : page.labels().held(index)) {
    const Acquisition* const acquisition = page.labels().acquisition(held);
    if (acquisition != nullptr && acquisition->frame == frame) print(held_line(page, *held));
  }
}

void print_locks_without_frame(const TextPage& page, ThreadIndex index) {
  std::size_t count = 0;
  for (const HeldLock* const held : page.labels().held(index)) {
    if (page.labels().acquisition(held) != nullptr) continue;
    if (++count <= kLocksWithoutFrame) page.out << "   " << held_line(page, *held) << '\n';
  }
  if (count <= kLocksWithoutFrame) return;
  page.out << "   - locked, frame not known: "
           << count_words(count - kLocksWithoutFrame, "more lock", "more locks") << '\n';
}

void print_thread(const TextPage& page, ThreadIndex index) {
  const ThreadSnapshot& thread = page.report.snapshot.threads[index];
  const ThreadStatus& status = page.labels().status(index);
  print_thread_heading(page, index);
  if (status.wait) {
    const Wait& wait = page.report.diagnosis.waits.at(*status.wait);
    const bool has_frame = page.labels().location(index, wait.frame) != nullptr;
    if (!has_frame) page.out << "   " << wait_line(page, wait) << '\n';
  }
  const std::size_t all = page.labels().stack(index).frames.size();
  if (thread.capture != CaptureWay::kNotCaptured || all > 0) {
    print_frames(page, {index, 0, all, "   ", false},
                 [&](std::size_t frame) { print_locks_of_frame(page, index, frame); });
  }
  print_locks_without_frame(page, index);
}

void print_heading(const TextPage& page, bool in_deadlock) {
  const auto& findings = page.report.diagnosis.findings;
  print_crash(page);
  if (in_deadlock) {
    page.out << page.sentences.process() << '\n';
  } else if (findings.empty()) {
    page.out << page.palette.paint(page.palette.good, page.sentences.calm_verdict()) << "  "
             << page.sentences.process() << '\n';
  }
  for (const Finding& finding : findings) print_verdict(page, finding, page.sentences.process());
  const std::string command = command_words(page.report.snapshot.process);
  if (!command.empty()) page.out << command << '\n';
  page.out << page.sentences.capture() << '\n';
}

void print_found(const TextPage& page, bool in_deadlock) {
  const auto& findings = page.report.diagnosis.findings;
  page.out << "\nFound ";
  if (in_deadlock && findings.empty()) {
    page.out << "the deadlock above";
  } else {
    page.out << page.sentences.count();
  }
  page.out << ".\n";
  for (const Finding& finding : findings) {
    page.out << '\n';
    print_verdict(page, finding, "");
    page.out << '\n';
    if (finding.cycle) print_cycle(page, page.report.diagnosis.cycles.at(*finding.cycle));
    print_evidence(page, finding);
  }
  for (const RootBlocker* const root : page.sentences.ranking()) {
    page.out << '\n' << page.sentences.root_blocker(*root) << '\n';
  }
  for (const PileUp& pile_up : page.report.diagnosis.pile_ups) {
    if (!is_worth_telling(page.report.diagnosis, pile_up)) continue;
    page.out << '\n' << page.sentences.pile_up(pile_up) << '\n';
    print_groups(page, pile_up.groups);
  }
  if (page.report.diagnosis.samples.looks == 0) return;
  page.out << '\n' << page.sentences.progress() << '\n';
  for (const ThreadProgress* const thread : page.sentences.sampled()) {
    page.out << "  " << page.sentences.progress(*thread) << '\n';
  }
}

}  // namespace

void render_threads(const Report& report, bool in_deadlock, const Palette& palette,
                    std::ostream& out) {
  const TextPage page(report, palette, out);
  print_heading(page, in_deadlock);
  for (ThreadIndex i = 0; i < report.snapshot.threads.size(); ++i) print_thread(page, i);
  print_found(page, in_deadlock);
  print_questions(page);
  print_blind_spots(page);
}

}  // namespace pstuck
