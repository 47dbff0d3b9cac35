// A test that hangs: recipes_test.cpp runs it under pstuck.

#include <gtest/gtest.h>

#include <barrier>
#include <mutex>
#include <thread>

namespace {

struct Account {
  std::mutex mu;
  int balance = 100;
};

void transfer(Account& from, Account& to, std::barrier<>& both_have_one) {
  const std::lock_guard first(from.mu);
  both_have_one.arrive_and_wait();
  const std::lock_guard second(to.mu);
  --from.balance;
  ++to.balance;
}

TEST(Account, TransfersBothWays) {
  Account a;
  Account b;
  std::barrier both_have_one(2);
  std::thread other([&] { transfer(b, a, both_have_one); });
  transfer(a, b, both_have_one);
  other.join();
}

}  // namespace
