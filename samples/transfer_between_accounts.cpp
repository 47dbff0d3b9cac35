// Two transfers, one each way, between the same two accounts: each locks the account that the money
// leaves, then the one that it goes to. Both accounts are on the heap and of one class: the report
// tells their locks apart by numbers, the same ones everywhere.
//
//     rent ──wants──▶ Account::mu_ #2 ──held by──▶ salary        (or #1 and #2 the other way
//     around)
//       ▲                                            │
//       └────held by──── Account::mu_ #1 ◀──wants────┘
//
// pstuck: 2 threads wait for each other

#include <latch>
#include <memory>
#include <mutex>

#include "sample.h"

std::latch both_hold_one(2);

class Account {
 public:
  explicit Account(int balance) : balance_(balance) {}
  void pay_to(Account& other, int amount);
  [[gnu::noinline]] void receive(int amount) {
    sample::waits(name_);
    std::lock_guard lock(mu_);
    balance_ += amount;
  }
  void tell_lock(const char* name, bool is_first) {
    name_ = name;
    sample::lock(name, &mu_);
    sample::lock_name(name, is_first ? "Account::mu_ #1" : "Account::mu_ #2");
  }

 private:
  const char* name_ = nullptr;
  int balance_;
  std::mutex mu_;
};

[[gnu::noinline]] void Account::pay_to(Account& other, int amount) {
  std::lock_guard lock(mu_);
  sample::holds(name_);
  both_hold_one.arrive_and_wait();
  balance_ -= amount;
  other.receive(amount);
}

int main() {
  sample::begin();
  const auto landlord = std::make_unique<Account>(100);
  const auto tenant = std::make_unique<Account>(900);
  landlord->tell_lock("landlord", landlord < tenant);
  tenant->tell_lock("tenant", tenant < landlord);
  sample::start("rent", [&] { tenant->pay_to(*landlord, 700); });
  sample::start("salary", [&] { landlord->pay_to(*tenant, 800); });
  sample::cycle("rent salary"), sample::finding("deadlock");
  sample::ready(2);
}
