// A program computes in parallel, then forks a child that computes in parallel too. OpenMP keeps
// its threads for the next time, and the child's memory says that they are there: it hands out the
// work and waits at the end of it, for threads that only its parent has.
//
//     child ──waits for the others──▶ libgomp's barrier          parent: main and 3 idle threads
//
// Build with: openmp dynamic
// pstuck: waits for another thread to act, and there is none

#include <array>

#include "sample.h"

std::array<double, 64> squares;

// The call that begins a parallel region has no line of its own: it has the one before it.
constexpr int kLineBefore = __LINE__;
[[gnu::noinline]] double compute_squares() {
#pragma omp parallel for num_threads(4)
  for (std::size_t i = 0; i < squares.size(); ++i) {
    squares[i] = static_cast<double>(i) * static_cast<double>(i);
  }
  return squares.back();
}

[[gnu::noinline]] void start_threads() {
#pragma omp parallel num_threads(4)
  squares[0] = 1;
}

[[gnu::noinline]] void run_child() {
  sample::begin();
  sample::role("child");
  sample::waits("barrier", "arrivals", kLineBefore, "compute_squares");
  sample::tell("computed " + std::to_string(compute_squares()));
}

int main() {
  sample::begin();
  sample::lock("barrier", nullptr, "barrier");
  sample::finding("all_asleep");
  start_threads();
  if (fork() == 0) {
    run_child();
    return 0;
  }
  sample::ready(1);
}
