#include <algorithm>

#include "analyzers/waits/recogniser.h"

namespace pstuck {
namespace {

struct Row {
  ResourceKind waits_for;
  Recogniser recognise;
};

// Those with the narrowest pattern first: each must be sure by itself.
constexpr Row kTable[] = {
    {ResourceKind::kThread, recognise_pthread_join},
    {ResourceKind::kMutex, recognise_pthread_mutex},
    {ResourceKind::kMutex, recognise_refused_pi_mutex},
};

}  // namespace

std::optional<RecognisedWait> recognise_wait(const FutexSleeper& sleeper) {
  for (const Row& row : kTable) {
    if (auto wait = row.recognise(sleeper)) {
      wait->resource.kind = row.waits_for;
      return wait;
    }
  }
  return std::nullopt;
}

std::optional<MutexBytes> LockReader::read_mutex(Address at) {
  const auto [entry, is_new] = mutexes_.try_emplace(at.value);
  if (is_new) entry->second = memory_.read_object<MutexBytes>(at);
  return entry->second;
}

}  // namespace pstuck
