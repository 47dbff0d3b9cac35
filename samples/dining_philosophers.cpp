// Five philosophers sit at a round table with one fork between each two. All are hungry at once:
// each takes the fork at the left, and then waits for the one at the right.
//
//     plato ──▶ fork-1 ──▶ kant ──▶ fork-2 ──▶ hume ──▶ fork-3 ──▶ mill ──▶ fork-4 ──▶ hegel
//       ▲                                                                              │
//       └──────────────────────────────────── fork-0 ◀─────────────────────────────────┘
//
// pstuck: 5 threads wait in a circle

#include <array>
#include <latch>
#include <mutex>
#include <string>

#include "sample.h"

constexpr std::size_t kSeats = 5;
constexpr std::array<const char*, kSeats> kNames = {"plato", "kant", "hume", "mill", "hegel"};

struct Table {
  std::array<std::mutex, kSeats> forks;
  std::array<int, kSeats> meals{};
  std::latch all_have_one{kSeats};
};

std::string name_fork(std::size_t seat) { return "fork-" + std::to_string(seat % kSeats); }

[[gnu::noinline]] void take_right_fork(Table& table, std::size_t seat) {
  sample::waits(name_fork(seat + 1));
  std::lock_guard right(table.forks[(seat + 1) % kSeats]);
  ++table.meals[seat];
}

[[gnu::noinline]] void dine(Table& table, std::size_t seat) {
  std::lock_guard left(table.forks[seat]);
  sample::holds(name_fork(seat));
  table.all_have_one.arrive_and_wait();
  take_right_fork(table, seat);
  sample::tell("meals " + std::to_string(table.meals[seat]));
}

int main() {
  sample::begin();
  Table table;
  std::string around_the_table;
  for (std::size_t seat = 0; seat < kSeats; ++seat) {
    sample::lock(name_fork(seat), &table.forks[seat]);
    around_the_table += std::string(seat == 0 ? "" : " ") + kNames[seat];
    sample::start(kNames[seat], [&table, seat] { dine(table, seat); });
  }
  sample::cycle(around_the_table);
  sample::finding("deadlock");
  sample::ready(kSeats);
}
