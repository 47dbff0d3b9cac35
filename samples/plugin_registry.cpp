// A registry opens a plug-in while it holds its own mutex. At the same time another thread opens a
// plug-in whose constructor registers itself: it runs under the loader's lock, and wants the mutex.
//
//     opener ──wants g_registry.mu_──▶ held by registry ──wants──▶ the loader's lock
//       ▲                                                                │
//       └───────────────held by, for dlopen runs constructors────────────┘
//
// Build with: opens libplugin
// pstuck: 2 threads wait for each other

#include <dlfcn.h>

#include <mutex>
#include <string>

#include "sample.h"

class Registry {
 public:
  void open_default();
  void add(const char* plugin);
  void tell_lock() { sample::lock("g_registry.mu_", &mu_); }

 private:
  std::string names_;
  std::mutex mu_;
};

Registry g_registry;

[[gnu::noinline]] void Registry::add(const char* plugin) {
  sample::owns("loader");
  sample::waits("g_registry.mu_");
  std::lock_guard lock(mu_);
  names_ += plugin;
}

/// What a plug-in's constructor calls.
extern "C" [[gnu::visibility("default")]] void register_plugin(const char* plugin);
extern "C" void register_plugin(const char* plugin) { g_registry.add(plugin); }

[[gnu::noinline]] void* open_library(const char* file) {
  void* const library = dlopen(file, RTLD_NOW);
  if (library == nullptr) sample::skip(dlerror());
  return library;
}

[[gnu::noinline]] void Registry::open_default() {
  std::lock_guard lock(mu_);
  sample::holds("g_registry.mu_");
  sample::wait_for_waits(1);
  sample::waits("loader");
  if (dlopen("libm.so.6", RTLD_NOW) == nullptr) sample::skip(dlerror());
  names_ += "default";
}

int main() {
  sample::begin();
  g_registry.tell_lock();
  sample::lock("loader", nullptr);
  sample::start("registry", [] { g_registry.open_default(); });
  sample::wait_for_holds(1);
  sample::start("opener", [] { open_library("libplugin.so"); });
  sample::cycle("opener registry"), sample::finding("deadlock");
  sample::ready(2);
}
