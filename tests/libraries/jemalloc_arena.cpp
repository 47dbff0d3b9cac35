// A thread is in an arena's hook, with a mutex of the arena held; another one wants memory from it.

#include <jemalloc/jemalloc.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "hang.h"

static std::atomic<bool> in_hook;

static void* hang_in_hook(extent_hooks_t*, void*, size_t, size_t, bool*, bool*, unsigned) {
  in_hook = true;
  for (;;) pause();
}

static extent_hooks_t hooks = {hang_in_hook, nullptr, nullptr, nullptr, nullptr,
                               nullptr,      nullptr, nullptr, nullptr};

static unsigned make_arena() {
  unsigned arena = 0;
  size_t size = sizeof(arena);
  extent_hooks_t* own = &hooks;
  if (mallctl("arenas.create", &arena, &size, nullptr, 0) != 0) return 0;
  const std::string name = "arena." + std::to_string(arena) + ".extent_hooks";
  return mallctl(name.c_str(), nullptr, nullptr, &own, sizeof(void*)) == 0 ? arena : 0;
}

int main() {
  const unsigned arena = make_arena();
  if (arena == 0) return 1;
  const auto take = [arena] { mallocx(1 << 20, MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE); };
  std::thread holder(take);
  while (!in_hook) std::this_thread::yield();
  say_ready(nullptr);
  take();
}
