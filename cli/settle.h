#pragma once

#include <chrono>
#include <thread>

namespace pstuck {

/// Looks again and again, until a look says that all stood still since the one before: any length
/// of time without a context switch is a proof. The analysis mostly gives every thread that was
/// stopped the time to fall asleep again; where it did not, as on a busy machine, each gap is twice
/// as long as the one before. `look` gets whether it is the last one. What does not run any more
/// (Snapshot::is_running) need not be waited for.
inline constexpr int kMostLooks = 5;
inline constexpr int kFewLooks = 2;

template <typename LookAgain>
void wait_until_settled(bool is_running, LookAgain look, int most_looks = kMostLooks) {
  std::chrono::milliseconds gap{20};
  for (int i = 1; i <= most_looks; ++i, gap *= 2) {
    if (is_running) std::this_thread::sleep_for(gap);
    if (look(i == most_looks)) return;
  }
}

}  // namespace pstuck
