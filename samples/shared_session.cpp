// A session that several owners share, made by std::make_shared: one block of memory with the count
// of its owners and the session behind it. Closing it tells those who listen, one of whom closes
// it. The session has no virtual function, but the count has.
//
//     closer ──wants──▶ Session::mu_ ──held by──▶ closer
//
// pstuck: which it holds itself

#include <functional>
#include <memory>
#include <mutex>

#include "sample.h"

class Session {
 public:
  std::function<void()> on_close;

  /// Some code only ever sees the lock.
  std::mutex& lock() { return mu_; }
  [[nodiscard]] int id() const { return id_; }

 private:
  int id_ = 7;
  std::mutex mu_;
};

[[gnu::noinline]] void close_again(std::mutex& lock) {
  sample::waits("session");
  std::lock_guard guard(lock);
  sample::tell("closed");
}

[[gnu::noinline]] void close(std::mutex& lock, const std::function<void()>& then) {
  std::lock_guard guard(lock);
  sample::holds("session");
  then();
}

int main() {
  sample::begin();
  static std::shared_ptr<Session> session = std::make_shared<Session>();
  static std::mutex& lock = session->lock();
  session->on_close = [] { close_again(lock); };
  sample::lock("session", &lock);
  sample::lock_name("session", "Session::mu_");
  sample::stripped_name("session", "Session", &lock, session.get());
  sample::start("closer", [] { close(lock, session->on_close); });
  sample::cycle("closer"), sample::finding("deadlock");
  sample::ready(1);
}
