// A sandbox forbids a thread to grow its heap and tells it so by a signal. The signal comes in the
// middle of malloc, which holds the lock of its arena; the handler makes a message, and malloc
// wants that lock again. Another thread frees what the first one has allocated.
//
//     reader ──free──▶ the arena's lock ──held by──▶ worker, in malloc
//                              ▲                       │ interrupted
//                              └──malloc, in on_trap()─┘
//
// pstuck: in a signal handler that interrupted malloc

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>

#include "sample.h"

void* volatile kept;
void* volatile kept_first;

[[gnu::noinline]] void* make_message() {
  sample::partner("arena", "holds", __LINE__, "fill_memory");
  sample::waits("arena");
  void* const message = std::malloc(100'000);
  return kept == nullptr ? nullptr : message;
}

void on_trap(int /*signal*/) { kept = make_message(); }

/// From now on mprotect, by which a thread's heap grows, is a trap for the calling thread.
void forbid_mprotect() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(rules), rules};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) sample::skip("seccomp is refused");
}

[[gnu::noinline]] void fill_memory() {
  kept_first = std::malloc(100'000);
  forbid_mprotect();
  while (true) kept = std::malloc(100'000);
}

[[gnu::noinline]] void read_memory() {
  sample::wait_for_waits(1);
  void* const first = kept_first;
  sample::waits("arena");
  std::free(first);
  kept_first = nullptr;
}

int main() {
  sample::begin();
  std::signal(SIGSYS, on_trap);
  sample::lock("arena", nullptr, "libc_lock");
  sample::start("reader", read_memory);
  sample::start("worker", fill_memory);
  sample::cycle("worker");
  sample::finding("deadlock", "inferred");
  sample::pile_up("arena", 1, "-");
  sample::needs("library_symbols", "waits partner cycle finding pile_up");
  sample::ready(2);
}
