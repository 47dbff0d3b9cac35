// A server's requests look into its cache. The thread that warms the cache up holds the cache's
// lock while it asks the server whether it is allowed to – which is a request like any other. The
// cache is a part of a part of an object on the heap; the frames that have the server show the way
// to it.
//
//     warmer ──wants──▶ server->cache_.mu_ ──held by──▶ warmer
//
// pstuck: which it holds itself

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sample.h"

class Cache {
 public:
  [[gnu::noinline]] std::string get(int key) {
    sample::waits("cache");
    std::lock_guard lock(mu_);
    return entries_[key];
  }
  [[gnu::noinline]] void warm_up(int key, const std::function<bool()>& is_allowed) {
    std::lock_guard lock(mu_);
    sample::holds("cache");
    if (is_allowed()) entries_[key] = "warm";
  }
  void tell_lock() { sample::lock("cache", &mu_); }

 private:
  std::map<int, std::string> entries_;
  std::mutex mu_;
};

class Server {
 public:
  std::string answer(int request) { return ++requests_, cache_.get(request); }
  Cache& cache() { return cache_; }
  int requests() const { return requests_; }

 private:
  int requests_ = 0;
  Cache cache_;
};

[[gnu::noinline]] bool ask(Server* server, int key) {
  const std::string answer = server->answer(key);
  return answer == "yes" && server->requests() > 0;
}

[[gnu::noinline]] void warm_up_all(Server* server) {
  server->cache().warm_up(1, [server] { return ask(server, 1); });
  server->answer(server->requests());
}

int main() {
  sample::begin();
  const auto server = std::make_unique<Server>();
  server->cache().tell_lock();
  sample::lock_name("cache", "server->cache_.mu_");
  sample::start("warmer", [&] { warm_up_all(server.get()); });
  sample::cycle("warmer"), sample::finding("deadlock");
  sample::ready(1);
}
