#include <fmt/format.h>

#include <algorithm>

#include "analyzers/resources.h"
#include "cli/sentences.h"
#include "cli/wait_words.h"
#include "cli/words.h"

// What threads did between several looks.

namespace pstuck {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kShownLocks = 3;
constexpr std::size_t kWidestFunction = 64;

/// In hundredths; at most all of it, though the kernel counts in steps.
std::int64_t percent(nanoseconds part, nanoseconds whole) {
  return whole.count() > 0 ? std::min<std::int64_t>(part * 100 / whole, 100) : 0;
}

std::string where_words(const ThreadProgress& progress) {
  if (progress.in_kernel == 0) return "user code";
  const std::string calls =
      progress.syscall >= 0 ? "the system call " + syscall_words(progress.syscall) : "system calls";
  if (progress.in_kernel == progress.stacks) return calls;
  return fmt::format("{} of them in {}", progress.in_kernel, calls);
}

}  // namespace

std::string Sentences::holds_for_others(ThreadIndex index) const {
  const Diagnosis& diagnosis = labels_.report().diagnosis;
  std::vector<std::string> locks;
  std::string_view part;
  for (const PileUp& pile_up : diagnosis.pile_ups) {
    const Resource& resource = diagnosis.resources.at(pile_up.resource);
    const auto must_act = find_who_must_act(resource);
    if (resource.kind == ResourceKind::kThread || locks.size() == kShownLocks) continue;
    if (std::ranges::find(must_act, index) == must_act.end()) continue;
    if (locks.empty()) part = part_words(resource, index);
    if (part == part_words(resource, index)) locks.push_back(lock(pile_up.resource));
  }
  return locks.empty() ? std::string() : fmt::format("{} {} and ", part, list_words(locks));
}

std::string Sentences::progress() const {
  const Samples& samples = labels_.report().diagnosis.samples;
  const auto ran =
      static_cast<std::size_t>(std::ranges::count(samples.threads, true, &ThreadProgress::ran));
  const std::size_t all = samples.threads.size();
  return fmt::format("in {} looks over {} {} of {} ran, {} did not", samples.looks,
                     duration_words(samples.span), ran, count_words(all, "thread", "threads"),
                     all - ran);
}

std::string Sentences::progress(const ThreadProgress& progress) const {
  std::string text =
      fmt::format("{} {}", thread(progress.thread), holds_for_others(progress.thread));
  if (progress.ended) return text + "has ended meanwhile";
  std::vector<std::string> facts;
  const Location* const at = labels_.location(progress.thread, progress.frame);
  if (at != nullptr && progress.stacks > 1) {
    facts.push_back(fmt::format("in {0} of {0} samples in {1} ({2})", progress.stacks,
                                ink(function_label(*at, kWidestFunction)), where_words(progress)));
  }
  if (progress.ran && progress.cpu_time) {
    const nanoseconds span = labels_.report().diagnosis.samples.span;
    facts.push_back(fmt::format("{} % of a processor", percent(*progress.cpu_time, span)));
  }
  text += progress.ran ? "runs" : "did not run meanwhile";
  return facts.empty() ? text : fmt::format("{}: {}", text, joined(facts, ", "));
}

std::vector<const ThreadProgress*> Sentences::sampled() const {
  std::vector<const ThreadProgress*> threads;
  for (const ThreadProgress& thread : labels_.report().diagnosis.samples.threads) {
    if (thread.stacks > 0) threads.push_back(&thread);
  }
  std::ranges::stable_sort(threads, std::ranges::greater{}, [](const ThreadProgress* thread) {
    return thread->cpu_time.value_or(nanoseconds(0));
  });
  return threads;
}

}  // namespace pstuck
