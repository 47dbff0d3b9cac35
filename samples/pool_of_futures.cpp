// Two workers of a pool each run a task that splits its work: it puts the halves into the pool's
// queue and waits for their futures. Nobody is left to take them out of the queue.
//
//     2 × worker ──waits for a result──▶ a task in g_pool's queue        main ──▶ the first result
//
// pstuck: wait for one of them to act, and none will

#include <condition_variable>
#include <deque>
#include <future>
#include <latch>
#include <mutex>
#include <string>

#include "sample.h"

class Pool {
 public:
  std::future<int> submit(std::packaged_task<int()> task) {
    std::future<int> result = task.get_future();
    std::lock_guard lock(mu_);
    tasks_.push_back(std::move(task));
    task_came_.notify_one();
    return result;
  }
  void run_worker() {
    while (true) {
      std::unique_lock lock(mu_);
      task_came_.wait(lock, [this] { return !tasks_.empty(); });
      std::packaged_task<int()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
  }

 private:
  std::mutex mu_;
  std::condition_variable task_came_;
  std::deque<std::packaged_task<int()>> tasks_;
};

Pool g_pool;
std::latch both_work(2);

[[gnu::noinline]] int count_words(int pages) {
  if (pages == 1) return 300;
  both_work.arrive_and_wait();
  std::future<int> half =
      g_pool.submit(std::packaged_task<int()>([pages] { return count_words(pages / 2); }));
  sample::lock("half-of-" + sample::my_role(), sample::shared_state(half), "future");
  sample::waits("half-of-" + sample::my_role(), "result");
  return 2 * half.get();
}

int main() {
  sample::begin();
  sample::role("main");
  for (int i = 1; i <= 2; ++i) {
    sample::start("worker-" + std::to_string(i), [] { g_pool.run_worker(); });
  }
  const auto count_book = [] { return count_words(2); };
  std::future<int> first = g_pool.submit(std::packaged_task<int()>(count_book));
  std::future<int> second = g_pool.submit(std::packaged_task<int()>(count_book));
  sample::lock("first", sample::shared_state(first), "future");
  sample::finding("all_asleep");
  sample::ready_after(3);
  sample::waits("first", "result");
  return first.get() + second.get();
}
