#include <fmt/format.h>

#include <algorithm>

#include "cli/sentences.h"
#include "cli/words.h"

namespace pstuck {
namespace {

std::string thread_words(const Labels& labels, Tid tid) {
  const auto& threads = labels.report().snapshot.threads;
  const auto found = std::ranges::lower_bound(threads, tid, {}, &ThreadSnapshot::tid);
  if (found == threads.end() || found->tid != tid) return fmt::format("thread {}", tid.value);
  return labels.thread(static_cast<ThreadIndex>(found - threads.begin()));
}

std::string fault_at(const CrashFacts& crash, int signal) {
  std::string text;
  if (crash.address) text += fmt::format(" at address {:#x}", crash.address->value);
  const std::string_view why = fault_words(signal, crash.code);
  if (!why.empty()) text += fmt::format(" ({})", why);
  return text;
}

}  // namespace

std::string Sentences::crash(const CrashFacts& crash) const {
  const int signal = labels_.report().snapshot.core->signal;
  const std::string thread = ink(thread_words(labels_, crash.thread));
  const std::string name = signal_words(signal);
  switch (crash.cause) {
    case CrashCause::kFault:
      return fmt::format("{} by {}{}", thread, name, fault_at(crash, signal));
    case CrashCause::kRaised:
      return fmt::format("{} by {}, raised by the process itself", thread, name);
    case CrashCause::kSent:
      return fmt::format("by {} from process {}; {} got it", name,
                         crash.sender ? crash.sender->value : 0, thread);
    case CrashCause::kUnknown:
      break;
  }
  return fmt::format("by {}; {} got it", name, thread);
}

}  // namespace pstuck
