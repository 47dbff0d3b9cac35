// Case study: the cycle that crosses a boundary. An order book subscribes to a feed while it holds
// its own mutex; the feed is a library with a mutex of its own, which it holds while it calls back
// those who have subscribed, and the book's callback wants the book's mutex.
//
//     trader ──calls subscribe(), wants──▶ the feed's mutex ──held by──▶ ticker       libfeed.so
//       ▲                                                                  │
//       └──held by── g_book.mu_ ◀──wants, in the callback──────────────────┘       the sample
//
// Build with: links libfeed
// pstuck: 2 threads wait for each other

#include <latch>
#include <mutex>

#include "libfeed.h"
#include "sample.h"

std::latch both_hold_one(2);

class Book {
 public:
  void open();
  void update(int price);
  void tell_lock() { sample::lock("g_book.mu_", &mu_); }

 private:
  int price_ = 0;
  std::mutex mu_;
};

Book g_book;

[[gnu::noinline]] void Book::update(int price) {
  sample::waits("g_book.mu_");
  std::lock_guard lock(mu_);
  price_ = price;
}

void on_price(int price) {
  both_hold_one.arrive_and_wait();
  g_book.update(price);
}

[[gnu::noinline]] void Book::open() {
  std::lock_guard lock(mu_);
  sample::holds("g_book.mu_");
  both_hold_one.arrive_and_wait();
  feed_subscribe(on_price);
  price_ = 1;
}

int main() {
  sample::begin();
  g_book.tell_lock();
  sample::lock("feed", feed_lock());
  feed_subscribe(on_price);
  sample::start("ticker", [] { feed_publish(100); });
  sample::start("trader", [] { g_book.open(); });
  sample::cycle("trader ticker"), sample::finding("deadlock");
  sample::ready(2);
}
