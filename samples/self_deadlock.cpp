// A journal flushes its buffer under its lock. The disk is full, so the flush writes a warning –
// to the same journal, which locks its lock. A std::mutex is not recursive.
//
//     flusher ──wants──▶ g_journal.mu_ ──held by──▶ flusher
//
// Build with: aarch64
// pstuck: which it holds itself

#include <mutex>
#include <string>

#include "sample.h"

class Journal {
 public:
  void flush();
  void write(const std::string& line);
  void tell_lock() { sample::lock("g_journal.mu_", &mu_); }

 private:
  std::string buffer_;
  bool disk_is_full_ = true;
  std::mutex mu_;
};

Journal g_journal;

[[gnu::noinline]] void Journal::write(const std::string& line) {
  sample::waits("g_journal.mu_");
  std::lock_guard lock(mu_);
  buffer_ += line;
}

[[gnu::noinline]] void Journal::flush() {
  std::lock_guard lock(mu_);
  sample::holds("g_journal.mu_");
  if (disk_is_full_) write("the disk is full\n");
  buffer_.clear();
}

int main() {
  sample::begin();
  g_journal.tell_lock();
  sample::start("flusher", [] { g_journal.flush(); });
  sample::cycle("flusher");
  sample::finding("deadlock");
  sample::ready(1);
}
