// Semaphores and message queues of System V: asked of the kernel about those of this process.

#include "attach/system_v.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace pstuck {
namespace {

const Tid kSelf{::getpid()};

TEST(SystemV, TellsTheSemaphoresThatSomebodyWaitsFor) {
  const int set = ::semget(IPC_PRIVATE, 3, 0600);
  ASSERT_GE(set, 0);
  sembuf change{.sem_num = 1, .sem_op = 2, .sem_flg = 0};
  ASSERT_EQ(::semop(set, &change, 1), 0);
  EXPECT_TRUE(read_semaphores(kSelf, set).empty()) << "nobody waits";
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    change.sem_op = -3;
    ::semop(set, &change, 1);
    ::_exit(0);
  }
  std::vector<SemaphoreFacts> semaphores;
  while (semaphores.empty()) {
    ::sched_yield();
    semaphores = read_semaphores(kSelf, set);
  }
  ASSERT_EQ(semaphores.size(), 1U);
  EXPECT_EQ(semaphores[0].set, set);
  EXPECT_EQ(semaphores[0].number, 1U);
  EXPECT_EQ(semaphores[0].value, 2U);
  EXPECT_EQ(semaphores[0].wait_for_more, 1U);
  EXPECT_EQ(semaphores[0].wait_for_zero, 0U);
  EXPECT_EQ(semaphores[0].last, kSelf);
  ::semctl(set, 0, IPC_RMID);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(read_semaphores(kSelf, set).empty());
}

TEST(SystemV, TellsHowFullAQueueIs) {
  const int queue = ::msgget(IPC_PRIVATE, 0600);
  ASSERT_GE(queue, 0);
  struct {
    long type = 1;
    std::array<char, 100> text{};
  } message;
  ASSERT_EQ(::msgsnd(queue, &message, message.text.size(), 0), 0);
  const auto facts = read_queue_facts(kSelf, queue);
  ::msgctl(queue, IPC_RMID, nullptr);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->messages, 1U);
  EXPECT_EQ(facts->bytes, 100U);
  EXPECT_GT(facts->most_bytes, 100U);
  EXPECT_EQ(facts->last_sender, kSelf);
  EXPECT_EQ(facts->last_receiver, std::nullopt);
  EXPECT_FALSE(read_queue_facts(kSelf, queue).has_value());
}

}  // namespace
}  // namespace pstuck
