#include "analyzers/program_frames.h"

#include <gtest/gtest.h>

namespace pstuck {
namespace {

struct FrameCase {
  Location location;
  FrameOwner owner;
};

FrameOwner owner_of(const Location& location, bool with_libc) {
  Snapshot snapshot;
  if (with_libc) snapshot.modules.push_back({.path = "/lib/libc.so.6"});
  Stacks stacks;
  stacks.locations.push_back(location);
  return ProgramFrames(snapshot, stacks).owner(Frame{});
}

TEST(ProgramFrames, LeaveOutTheRuntime) {
  const FrameCase cases[] = {
      {{.function = "pthread_mutex_lock", .module = "libc.so.6"}, FrameOwner::kLibc},
      {{.function = "__lll_lock_wait", .module = "libpthread-2.31.so"}, FrameOwner::kLibc},
      {{.function = "pthread_mutex_lock", .module = "libtsan.so.2"}, FrameOwner::kLibc},
      {{.function = "std::condition_variable::wait", .module = "libstdc++.so.6.0.30"},
       FrameOwner::kCppRuntime},
      {{.function = "std::mutex::lock()", .module = "app", .inlined = true},
       FrameOwner::kCppRuntime},
      {{.function = "lock", .module = "app", .file = "/usr/include/c++/12/bits/std_mutex.h"},
       FrameOwner::kCppRuntime},
      {{.function = "__gthread_mutex_lock(pthread_mutex_t*)", .module = "app"},
       FrameOwner::kCppRuntime},
      {{.function = "void std::__invoke_impl<void, Job>(std::__invoke_other, Job&&)",
        .module = "app"},
       FrameOwner::kCppRuntime},
      {{.function = "decltype (f(x)) std::apply<F>(F&&)", .module = "app"},
       FrameOwner::kCppRuntime},
      {{.function = "<std::sys::sync::mutex::futex::Mutex>::lock_contended", .module = "app"},
       FrameOwner::kCppRuntime},
      {{.function = "core::ops::function::FnOnce::call_once",
        .module = "app",
        .file = "/rustc/0123/library/core/src/ops/function.rs"},
       FrameOwner::kCppRuntime},
      {{.function = "core::Engine::run()", .module = "app", .file = "/src/core/engine.cpp"},
       FrameOwner::kProgram},
      {{.function = "Cache::get(std::string const&)", .module = "app"}, FrameOwner::kProgram},
      {{.function = "std::vector<int> make(std::mutex&)", .module = "app"}, FrameOwner::kProgram},
      {{.function = "(anonymous namespace)::serve(std::mutex&)", .module = "app"},
       FrameOwner::kProgram},
      {{.function = "", .module = "app"}, FrameOwner::kProgram},
      {{.function = "pthread_mutex_lock", .module = "app"}, FrameOwner::kProgram},
      {{.function = "g_mutex_lock", .module = "libglib-2.0.so.0"}, FrameOwner::kProgram},
  };
  for (const FrameCase& expected : cases) {
    EXPECT_EQ(owner_of(expected.location, true), expected.owner) << expected.location.function;
  }
}

TEST(ProgramFrames, OfAStaticBinaryAreToldByName) {
  for (const char* name :
       {"__pthread_mutex_lock_full", "__lll_lock_wait", "start_thread", "__libc_start_call_main",
        "_start", "clock_nanosleep@@GLIBC_2.17", "__futex_abstimed_wait_common64.constprop.0"}) {
    EXPECT_EQ(owner_of({.function = name, .module = "app"}, false), FrameOwner::kLibc) << name;
  }
  EXPECT_EQ(owner_of({.function = "main", .module = "app"}, false), FrameOwner::kProgram);
}

TEST(PlainLibcName, DropsWhatSymbolTablesAdd) {
  EXPECT_EQ(plain_libc_name("___pthread_mutex_lock@GLIBC_2.2.5"), "pthread_mutex_lock");
  EXPECT_EQ(plain_libc_name("__GI___pthread_cond_wait"), "pthread_cond_wait");
  EXPECT_EQ(plain_libc_name("__new_sem_wait_slow64.constprop.0.isra.1"), "new_sem_wait_slow64");
  EXPECT_EQ(plain_libc_name("_IO_puts"), "_IO_puts");
  EXPECT_EQ(plain_libc_name("work [clone .cold]"), "work");
  EXPECT_EQ(plain_libc_name(""), "");
}

TEST(ProgramFrames, AreTheSameFunctionOnOtherLines) {
  Stacks stacks;
  stacks.locations = {{.function = "f", .module = "app", .line = 1},
                      {.function = "f", .module = "app", .line = 2},
                      {.function = "f", .module = "lib"},
                      {.module = "app", .module_offset = 16},
                      {.module = "app", .module_offset = 32}};
  const ProgramFrames frames({}, stacks);
  EXPECT_EQ(frames.function_id(0), frames.function_id(1));
  EXPECT_NE(frames.function_id(0), frames.function_id(2));
  EXPECT_NE(frames.function_id(3), frames.function_id(4));
}

}  // namespace
}  // namespace pstuck
