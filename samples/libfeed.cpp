#include "libfeed.h"

#include <mutex>
#include <vector>

#include "sample.h"

namespace {

std::mutex mutex;
std::vector<PriceCallback> callbacks;

}  // namespace

void feed_subscribe(PriceCallback callback) {
  if (!callbacks.empty()) sample::waits("feed");
  std::lock_guard lock(mutex);
  callbacks.push_back(callback);
}

void feed_publish(int price) {
  std::lock_guard lock(mutex);
  sample::holds("feed");
  for (const PriceCallback callback : callbacks) callback(price);
}

const void* feed_lock() { return &mutex; }
