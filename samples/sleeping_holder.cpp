// A session store refreshes itself from a slow backend while it holds its lock: here the backend
// is a plain sleep. Two hundred requests stack up behind one thread that is not even working.
//
//     200 × request ──wants──▶ g_sessions.mu_ ──held by──▶ refresher ──▶ sleeps
//
// pstuck: 200 threads wait for

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "sample.h"

class SessionStore {
 public:
  void refresh();
  int find_user(int session);
  void tell_lock() { sample::lock("g_sessions.mu_", &mu_); }

 private:
  void ask_backend();

  std::mutex mu_;
  std::map<int, int> users_;
};

SessionStore g_sessions;

[[gnu::noinline]] void SessionStore::ask_backend() {
  std::this_thread::sleep_for(std::chrono::hours(1));
  users_[1] = 2;
}

[[gnu::noinline]] void SessionStore::refresh() {
  std::lock_guard lock(mu_);
  sample::holds("g_sessions.mu_");
  ask_backend();
  users_.clear();
}

[[gnu::noinline]] int SessionStore::find_user(int session) {
  sample::waits("g_sessions.mu_");
  std::lock_guard lock(mu_);
  return users_[session];
}

[[gnu::noinline]] void serve_request(int session) {
  sample::tell("user " + std::to_string(g_sessions.find_user(session)));
}

int main() {
  sample::begin();
  g_sessions.tell_lock();
  sample::start("refresher", [] { g_sessions.refresh(); });
  sample::wait_for_holds(1);
  for (int i = 0; i < 200; ++i) {
    sample::start("request-" + std::to_string(i), [i] { serve_request(i); });
  }
  sample::pile_up("g_sessions.mu_", 200, "refresher");
  sample::root("refresher");
  sample::ready(200);
}
