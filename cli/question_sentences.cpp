#include <fmt/format.h>

#include "analyzers/thread_rules.h"
#include "cli/escape.h"
#include "cli/sentences.h"
#include "cli/words.h"

// Waits that only a table of the program's own explains.

namespace pstuck {
namespace {

constexpr std::size_t kShownThreads = 8;
constexpr std::size_t kWidestCommand = 1024;

}  // namespace

std::string Sentences::remark(ThreadIndex index) const {
  const auto& remarks = labels_.report().diagnosis.remarks;
  const auto& remark = labels_.status(index).remark;
  if (!remark || *remark >= remarks.size()) return {};
  const bool is_idle = remarks[*remark].says == Remark::Says::kIdle;
  return fmt::format(" ({}{})", is_idle ? "idle: " : "for ", printable(remarks[*remark].reason));
}

/// Without "for work", as who waits for events is else said to do.
std::string Sentences::kernel_object(ThreadIndex index) const {
  const Report& report = labels_.report();
  const auto& kernel_wait = labels_.status(index).kernel_wait;
  if (!kernel_wait) return sleeps_in(index);
  const KernelWait& wait = report.diagnosis.kernel_waits.at(*kernel_wait);
  if (wait.subject.act != CallAct::kEpoll || wait.subject.descriptors.empty()) {
    return sleeps_in(index);
  }
  std::vector<std::string> watched;
  for (const std::size_t file : wait.files) {
    for (const std::int32_t descriptor : report.snapshot.kernel.files.at(file).watches) {
      if (watched.size() < kShownThreads) watched.push_back(fmt::format("{}", descriptor));
    }
  }
  return fmt::format("sleeps in {} on epoll descriptor {}{}{}",
                     syscall_words(labels_.status(index).syscall), wait.subject.descriptors.front(),
                     watched.empty() ? "" : ", which watches descriptors ", list_words(watched));
}

std::vector<Question> Sentences::questions() const {
  const Report& report = labels_.report();
  std::vector<Question> questions;
  for (RemarkIndex i = 0; i < report.diagnosis.remarks.size(); ++i) {
    const Remark& remark = report.diagnosis.remarks[i];
    if (remark.says != Remark::Says::kAsk) continue;
    Question question{.command = printable(remark.command, kWidestCommand)};
    std::size_t count = 0;
    for (ThreadIndex thread = 0; thread < report.diagnosis.threads.size(); ++thread) {
      if (report.diagnosis.threads[thread].remark != i) continue;
      if (++count > kShownThreads) continue;
      question.threads.push_back(fmt::format("{} {}", this->thread(thread), kernel_object(thread)));
    }
    if (count == 0) continue;
    if (count > kShownThreads) {
      question.threads.push_back(
          fmt::format("… {}", count_words(count - kShownThreads, "more thread", "more threads")));
    }
    question.what = fmt::format("{} {} for {}; who has it only the program knows",
                                count_words(count, "thread", "threads"),
                                verb_for(count, "waits", "wait"), printable(remark.reason));
    questions.push_back(std::move(question));
  }
  return questions;
}

}  // namespace pstuck
