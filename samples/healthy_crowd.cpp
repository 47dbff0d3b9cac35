// Healthy, and never at rest. Five hundred threads in fifty teams of ten take and give back one of
// each that this directory's other programs hang in: mutexes, rwlocks, condition variables,
// semaphores, barriers, latches, once-flags, static variables, futures, atomics, FILEs, the heap,
// the loader. Locks are always taken in one order, and whoever waits is woken. Ask it as often as
// you like: there is no deadlock in it. It answers a line on standard input with "rounds N", all
// that were played so far.
//
//     50 × team of 10: every round of play has a team's share of all of them, for ever
//
// Build with: dynamic
// pstuck: No hang found

#include <dlfcn.h>
#include <semaphore.h>

#include <array>
#include <barrier>
#include <condition_variable>
#include <future>
#include <iostream>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <shared_mutex>
#include <string>
#include <vector>

#include "sample.h"

constexpr int kTeams = 50;
constexpr int kMembers = 10;

std::shared_mutex g_rules;
sem_t g_balls;
std::mutex g_board;
std::FILE* g_log;
std::atomic<long> rounds = 0;

/// What is made anew for every round: once-flags, latches and futures serve once.
struct Round {
  std::once_flag referee;
  pthread_once_t whistle = PTHREAD_ONCE_INIT;
  std::latch start{kMembers};
  std::promise<int> score;
  std::shared_future<int> result{score.get_future()};
  int points = 0;
};

class Team {
 public:
  explicit Team(int number) : number_(number) {
    pthread_barrier_init(&half_time_, nullptr, kMembers);
    pthread_spin_init(&counter_lock_, PTHREAD_PROCESS_PRIVATE);
  }
  void play(int member);

 private:
  void meet(int member);
  void use_locks(int member);
  void pass_ball();
  void await_result(int member);
  void use_library();

  int number_;
  std::unique_ptr<Round> round_ = std::make_unique<Round>();
  std::barrier<> end_{kMembers};
  pthread_barrier_t half_time_;
  std::shared_timed_mutex plan_;
  pthread_rwlock_t tactics_ = PTHREAD_RWLOCK_INITIALIZER;
  std::counting_semaphore<3> goals_{3};
  pthread_spinlock_t counter_lock_;
  std::mutex ball_;
  std::condition_variable ball_came_;
  bool has_ball_ = true;
  std::atomic<int> clock_ = 0;
  std::atomic<long> passes_ = 0;
};

[[gnu::noinline]] int choose_colour(int number) { return number % 7; }

/// Everybody sees the same round until all have met at its end.
[[gnu::noinline]] void Team::meet(int member) {
  round_->start.arrive_and_wait();
  std::call_once(round_->referee, [this] { round_->points = number_; });
  pthread_once(&round_->whistle, [] { sched_yield(); });
  static const int colour = choose_colour(number_);
  pthread_barrier_wait(&half_time_);
  if (member == 0) clock_ += 1 + colour % 2;
  if (member == 0) clock_.notify_all();
}

[[gnu::noinline]] void Team::use_locks(int member) {
  std::shared_lock rules(g_rules);
  if (member == 1) {
    std::unique_lock plan(plan_);
    pthread_rwlock_wrlock(&tactics_);
    ++round_->points;
    pthread_rwlock_unlock(&tactics_);
  } else {
    std::shared_lock plan(plan_);
    pthread_rwlock_rdlock(&tactics_);
    sched_yield();
    pthread_rwlock_unlock(&tactics_);
  }
  goals_.acquire();
  pthread_spin_lock(&counter_lock_);
  ++passes_;
  pthread_spin_unlock(&counter_lock_);
  goals_.release();
}

[[gnu::noinline]] void Team::pass_ball() {
  std::unique_lock lock(ball_);
  ball_came_.wait(lock, [this] { return has_ball_; });
  has_ball_ = false;
  lock.unlock();
  sem_wait(&g_balls);
  sched_yield();
  sem_post(&g_balls);
  lock.lock();
  has_ball_ = true;
  ball_came_.notify_one();
}

[[gnu::noinline]] void Team::await_result(int member) {
  if (member == 2) round_->score.set_value(round_->points);
  if (round_->result.get() < 0) std::abort();
  if (member == 3) {
    if (std::async(std::launch::async, choose_colour, number_).get() > 6) std::abort();
  }
  if (member == 4) {
    passes_ = -1;
    passes_.notify_all();
  } else {
    for (long passes = passes_; passes >= 0; passes = passes_) passes_.wait(passes);
  }
}

[[gnu::noinline]] void Team::use_library() {
  const std::vector<std::string> words(64, std::string(200, 'x'));
  std::lock_guard board(g_board);
  flockfile(g_log);
  std::rewind(g_log);
  std::fputs(words.back().c_str(), g_log);
  funlockfile(g_log);
}

[[gnu::noinline]] void Team::play(int member) {
  while (true) {
    meet(member);
    use_locks(member);
    pass_ball();
    use_library();
    end_.arrive_and_wait();
    await_result(member);
    if (member == 5) {
      if (void* const library = dlopen("libm.so.6", RTLD_LAZY)) dlclose(library);
    }
    if (member == 6 && number_ == 0) {
      std::unique_lock rules(g_rules);
      sched_yield();
    }
    end_.arrive_and_wait();
    if (member == 0) {
      round_ = std::make_unique<Round>();
      passes_ = 0;
      ++rounds;
    }
    end_.arrive_and_wait();
  }
}

int main() {
  sample::begin();
  sem_init(&g_balls, 0, 8);
  g_log = std::tmpfile();
  static std::array<std::optional<Team>, kTeams> teams;
  for (int i = 0; i < kTeams; ++i) {
    teams[static_cast<std::size_t>(i)].emplace(i);
    for (int member = 0; member < kMembers; ++member) {
      sample::start(std::to_string(i) + "-" + std::to_string(member),
                    [i, member] { teams[static_cast<std::size_t>(i)]->play(member); });
    }
  }
  sample::healthy();
  sample::tell("ready");
  for (std::string question; std::getline(std::cin, question);) {
    sample::tell("rounds " + std::to_string(rounds));
  }
  _exit(0);
}
