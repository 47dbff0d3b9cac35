#include <fmt/format.h>

#include "cli/sentences.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kShownLocks = 6;
constexpr std::size_t kShownOrders = 4;
constexpr std::size_t kWidestFunction = 64;

}  // namespace

std::string Sentences::taken(const HeldLock* held) const {
  const Acquisition* const acquisition = labels_.acquisition(held);
  if (acquisition == nullptr) return {};
  const Location& frame = *labels_.location(held->thread, acquisition->frame);
  const std::string place = place_label(*acquisition, frame);
  return ink(function_label(frame, kWidestFunction)) + (place.empty() ? "" : " at " + ink(place));
}

std::string Sentences::attribution(const Acquisition& acquisition) const {
  switch (acquisition.by) {
    case AttributedBy::kGuard:
      return acquisition.variable.empty() ? std::string() : "guard " + code(acquisition.variable);
    case AttributedBy::kLockingCode:
      return "known from its code";
  }
  return {};
}

std::string Sentences::also_holds(const std::vector<const HeldLock*>& locks) const {
  std::vector<std::string> known;
  std::vector<std::string> unknown;
  for (std::size_t i = 0; i < locks.size() && i < kShownLocks; ++i) {
    std::string text = lock(locks[i]->resource);
    if (locks[i]->found_by == FoundBy::kMemoryScan) text += " (found by scanning memory)";
    const std::string place = taken(locks[i]);
    if (!place.empty()) text += ", taken in " + place;
    (place.empty() ? unknown : known).push_back(std::move(text));
  }
  std::vector<std::string> parts;
  if (!known.empty()) parts.push_back("also holds " + joined(known, "; "));
  if (!unknown.empty()) {
    parts.push_back(fmt::format("{}, frame not known: {}", known.empty() ? "also holds" : "and",
                                list_words(unknown)));
  }
  if (locks.size() > kShownLocks) {
    parts.push_back("and " + count_words(locks.size() - kShownLocks, "more lock", "more locks"));
  }
  return joined(parts, "; ");
}

std::string Sentences::order(const Cycle& cycle) const {
  const Report& report = labels_.report();
  const std::size_t size = cycle.waits.size();
  if (size < 2) return {};
  std::vector<std::string> orders;
  for (std::size_t i = 0; i < size; ++i) {
    const Wait& wait = report.diagnosis.waits.at(cycle.waits[i]);
    const HeldLock* const held = labels_.held(cycle, i);
    const Acquisition* const acquisition = labels_.acquisition(held);
    if (acquisition == nullptr || wait.kind == WaitKind::kJoin) return {};
    if (i >= kShownOrders) continue;
    const Location& frame = *labels_.location(wait.thread, acquisition->frame);
    orders.push_back(fmt::format("{} takes {} → {}", ink(function_label(frame, kWidestFunction)),
                                 lock(held->resource), lock(wait.resource)));
  }
  if (size > kShownOrders) orders.push_back(fmt::format("and {} more", size - kShownOrders));
  return joined(orders, "; ");
}

}  // namespace pstuck
