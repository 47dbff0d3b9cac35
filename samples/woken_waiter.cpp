// A producer puts a job into a queue, wakes the consumer, and – still holding the queue's lock –
// wants the index; an indexer holds the index and wants the queue. The consumer was woken, and
// must have the queue's lock back before its wait returns: it stands inside condition_variable::
// wait, yet what it waits for is the mutex.
//
//     producer ──wants──▶ g_index ──held by──▶ indexer        consumer ──wants back──▶ g_queue
//        ▲                                        │
//        └──────held by──── g_queue ◀────wants────┘
//
// pstuck: 2 threads wait for each other

#include <condition_variable>
#include <deque>
#include <latch>
#include <mutex>

#include "sample.h"

std::mutex g_queue;
std::mutex g_index;
std::deque<int> jobs;
std::condition_variable job_came;
std::latch consumer_waits(1);
std::latch both_hold_one(2);

[[gnu::noinline]] int take_job() {
  std::unique_lock lock(g_queue);
  consumer_waits.count_down();
  sample::waits("g_queue", "relock");
  job_came.wait(lock);
  return jobs.front();
}

[[gnu::noinline]] void put_job(int job) {
  std::lock_guard lock(g_queue);
  sample::holds("g_queue");
  both_hold_one.arrive_and_wait();
  jobs.push_back(job);
  job_came.notify_one();
  sample::waits("g_index");
  std::lock_guard also(g_index);
}

[[gnu::noinline]] void rebuild_index() {
  std::lock_guard lock(g_index);
  sample::holds("g_index");
  both_hold_one.arrive_and_wait();
  sample::waits("g_queue");
  std::lock_guard also(g_queue);
  jobs.clear();
}

int main() {
  sample::begin();
  sample::lock("g_queue", &g_queue);
  sample::lock("g_index", &g_index);
  sample::start("consumer", take_job);
  consumer_waits.wait();
  sample::start("producer", [] { put_job(1); });
  sample::start("indexer", rebuild_index);
  sample::cycle("producer indexer");
  sample::pile_up("g_queue", 1, "producer");
  sample::finding("deadlock");
  sample::ready(3);
}
