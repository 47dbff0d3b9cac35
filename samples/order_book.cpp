// An exchange hands out the lock of an order book, and a helper that knows nothing of order books
// locks it, twice. No frame has a variable of the book's class. But the book has virtual functions,
// so its memory begins with the way to its class's name, also in a program without symbols.
//
//     trader ──wants──▶ OrderBook::mu_ ──held by──▶ trader
//
// Build with: aarch64
// pstuck: which it holds itself

#include <memory>
#include <mutex>
#include <vector>

#include "sample.h"

class Book {
 public:
  virtual ~Book() = default;
  virtual std::mutex& lock() = 0;
};

class OrderBook final : public Book {
 public:
  std::mutex& lock() override { return mu_; }
  std::vector<int>& orders() { return orders_; }

 private:
  std::vector<int> orders_;
  std::mutex mu_;
};

[[gnu::noinline]] void take_again(std::mutex& lock) {
  sample::waits("book");
  std::lock_guard guard(lock);
  sample::tell("taken");
}

[[gnu::noinline]] void take_twice(std::mutex& lock) {
  std::lock_guard guard(lock);
  sample::holds("book");
  take_again(lock);
}

int main() {
  sample::begin();
  static std::unique_ptr<Book> book = std::make_unique<OrderBook>();
  std::mutex& lock = book->lock();
  sample::lock("book", &lock);
  sample::lock_name("book", "OrderBook::mu_");
  sample::stripped_name("book", "OrderBook", &lock, book.get());
  sample::start("trader", [&lock] { take_twice(lock); });
  sample::cycle("trader"), sample::finding("deadlock");
  sample::ready(1);
}
