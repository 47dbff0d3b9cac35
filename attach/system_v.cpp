#include "attach/system_v.h"

#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include <algorithm>

#include "attach/namespaces.h"

namespace pstuck {
namespace {

constexpr int kMostSemaphores = 4096;
constexpr std::size_t kMostTold = 64;

/// semctl(2) wants the program to define it.
union SemaphoreArgument {
  int value;
  semid_ds* set;
};

int count_semaphores(int set) {
  semid_ds facts{};
  SemaphoreArgument argument{};
  argument.set = &facts;
  if (::semctl(set, 0, IPC_STAT, argument) != 0) return 0;
  return static_cast<int>(std::min<unsigned long>(facts.sem_nsems, kMostSemaphores));
}

std::uint32_t ask(int set, int number, int question) {
  return static_cast<std::uint32_t>(std::max(0, ::semctl(set, number, question)));
}

}  // namespace

std::vector<SemaphoreFacts> read_semaphores(Tid process, std::int32_t set) {
  std::vector<SemaphoreFacts> semaphores;
  in_namespace_of(process, "ipc", CLONE_NEWIPC, [&] {
    const int count = count_semaphores(set);
    for (int number = 0; number < count && semaphores.size() < kMostTold; ++number) {
      SemaphoreFacts facts{.set = set,
                           .number = static_cast<std::uint32_t>(number),
                           .value = ask(set, number, GETVAL),
                           .wait_for_more = ask(set, number, GETNCNT),
                           .wait_for_zero = ask(set, number, GETZCNT)};
      if (facts.wait_for_more == 0 && facts.wait_for_zero == 0) continue;
      const int last = ::semctl(set, number, GETPID);
      if (last > 0) facts.last = Tid{last};
      semaphores.push_back(facts);
    }
  });
  return semaphores;
}

std::optional<QueueFacts> read_queue_facts(Tid process, std::int32_t queue) {
  std::optional<QueueFacts> read;
  in_namespace_of(process, "ipc", CLONE_NEWIPC, [&] {
    msqid_ds facts{};
    if (::msgctl(queue, IPC_STAT, &facts) != 0) return;
    read = QueueFacts{.id = queue,
                      .messages = facts.msg_qnum,
                      .bytes = facts.__msg_cbytes,
                      .most_bytes = facts.msg_qbytes};
    if (facts.msg_lspid > 0) read->last_sender = Tid{facts.msg_lspid};
    if (facts.msg_lrpid > 0) read->last_receiver = Tid{facts.msg_lrpid};
  });
  return read;
}

}  // namespace pstuck
