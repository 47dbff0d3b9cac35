// The same two-lock deadlock with every kind of pthread mutex: the kernel shows each differently,
// the owner is recorded in all. A priority-inheriting one that its owner locks again hangs inside
// glibc, on a futex that is not the mutex.
//
//     left ──wants──▶ second ──held by──▶ right          owner ──wants──▶ first ──held by──▶ owner
//       ▲                                   │
//       └─────held by──── first ◀───wants───┘
//
// Run with: normal | recursive | error_check | adaptive | robust | inherit | protect |
// Run with: process_shared | inherit_self
// pstuck: 2 threads wait for each other
// pstuck: which it holds itself

#include <sys/mman.h>

#include <latch>
#include <string>

#include "sample.h"

struct Seat {
  const char* name;
  pthread_mutex_t mutex;
};

std::latch both_hold_one(2);

void init_mutex(pthread_mutex_t& mutex, const std::string& kind) {
  pthread_mutexattr_t like;
  pthread_mutexattr_init(&like);
  if (kind == "recursive") pthread_mutexattr_settype(&like, PTHREAD_MUTEX_RECURSIVE);
  if (kind == "error_check") pthread_mutexattr_settype(&like, PTHREAD_MUTEX_ERRORCHECK);
  if (kind == "adaptive") pthread_mutexattr_settype(&like, PTHREAD_MUTEX_ADAPTIVE_NP);
  if (kind == "robust") pthread_mutexattr_setrobust(&like, PTHREAD_MUTEX_ROBUST);
  if (kind == "process_shared") pthread_mutexattr_setpshared(&like, PTHREAD_PROCESS_SHARED);
  if (kind.starts_with("inherit")) pthread_mutexattr_setprotocol(&like, PTHREAD_PRIO_INHERIT);
  if (kind == "protect") {
    pthread_mutexattr_setprotocol(&like, PTHREAD_PRIO_PROTECT);
    const sched_param lowest{1};  // only real-time threads may lock one
    sched_setscheduler(0, SCHED_FIFO, &lowest);
  }
  pthread_mutex_init(&mutex, &like);
}

[[gnu::noinline]] void confirm_seat(Seat& seat) {
  sample::waits(seat.name);
  pthread_mutex_lock(&seat.mutex);
  pthread_mutex_unlock(&seat.mutex);
}

[[gnu::noinline]] void book_trip(Seat& there, Seat& back) {
  if (pthread_mutex_lock(&there.mutex) != 0) sample::skip("not permitted to lock this kind");
  sample::holds(there.name);
  both_hold_one.arrive_and_wait();
  confirm_seat(back);
  pthread_mutex_unlock(&there.mutex);
}

int main(int argc, char** argv) {
  sample::begin();
  const std::string kind = argc > 1 ? argv[1] : "normal";
  Seat* const seats = static_cast<Seat*>(
      mmap(nullptr, 2 * sizeof(Seat), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  for (int i = 0; i < 2; ++i) {
    seats[i].name = i == 0 ? "first" : "second";
    init_mutex(seats[i].mutex, kind);
    sample::lock(seats[i].name, &seats[i].mutex);
  }
  sample::finding("deadlock");
  if (kind == "inherit_self") {
    both_hold_one.count_down();
    sample::start("owner", [seats] { book_trip(seats[0], seats[0]); });
    sample::cycle("owner"), sample::ready(1);
  }
  sample::start("left", [seats] { book_trip(seats[0], seats[1]); });
  sample::start("right", [seats] { book_trip(seats[1], seats[0]); });
  sample::cycle("left right"), sample::ready(2);
}
