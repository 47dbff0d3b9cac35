#include <absl/synchronization/mutex.h>

#include <thread>

#include "hang.h"

struct Account {
  long balance = 0;
  absl::Mutex mutex;
};

int main() {
  auto* account = new Account;
  account->mutex.Lock();
  say_ready(&account->mutex);
  std::thread([account] { account->mutex.Lock(); }).join();
}
