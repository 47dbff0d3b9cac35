#include <algorithm>

#include "analyzers/waits/recogniser.h"
#include "analyzers/waits/stdio_layout.h"

namespace pstuck {
namespace {

// struct __pthread_cleanup_combined_routine of nptl/pthreadP.h, from glibc 2.34 on what a
// once-flag's handler gets; before that it gets the flag itself.
struct CombinedCleanup {
  Address routine;
  Address argument;
  std::int32_t do_it;
  std::int32_t padding;
};

void add_runner(Address once, Tid id, OnceRunners& runners) {
  const auto [entry, is_new] = runners.try_emplace(once.value, id);
  if (!is_new && entry->second != id) entry->second = {};
}

}  // namespace

bool LockReader::may_guess(std::uint64_t objects) {
  if (objects > guesses_left_) return false;
  guesses_left_ -= objects;
  return true;
}

std::optional<MutexBytes> LockReader::read_mutex(Address at) {
  const auto [entry, is_new] = mutexes_.try_emplace(at.value);
  if (is_new) entry->second = memory_.read_object<MutexBytes>(at);
  return entry->second;
}

const std::vector<CleanupHandler>& LockReader::read_cleanup(const ThreadSnapshot& thread) {
  const auto [entry, is_new] = cleanup_.try_emplace(&thread);
  if (is_new) entry->second = read_cleanup_chain(thread, memory_);
  return entry->second;
}

std::vector<std::byte> LockReader::read_seen(Address at, std::size_t size) {
  constexpr std::size_t kMost = 24;
  std::vector<std::byte> bytes(std::min(size, kMost));
  if (memory_.read(at, bytes) != bytes.size()) bytes.clear();
  return bytes;
}

std::optional<Tid> LockReader::find_once_runner(const Snapshot& snapshot, Address once) {
  if (!once_runners_) {
    once_runners_.emplace();
    for (const ThreadSnapshot& thread : snapshot.threads) {
      for (const CleanupHandler& handler : read_cleanup(thread)) {
        add_runner(handler.argument, thread.tid_in_target, *once_runners_);
        const auto combined = memory_.read_object<CombinedCleanup>(handler.argument);
        if (!combined || combined->do_it != 1) continue;
        add_runner(combined->argument, thread.tid_in_target, *once_runners_);
      }
    }
  }
  const auto found = once_runners_->find(once.value);
  if (found == once_runners_->end() || found->second.value == 0) return std::nullopt;
  return found->second;
}

const std::vector<const ThreadSnapshot*>& LockReader::find_callers(const Snapshot& snapshot,
                                                                   Address argument) {
  if (callers_.empty()) {
    for (const ThreadSnapshot& thread : snapshot.threads) {
      callers_[thread.syscall.arguments[0]].push_back(&thread);
    }
  }
  return callers_[argument.value];
}

std::optional<Address> LockReader::find_file(Program& program, Address lock) {
  if (!files_) {
    files_.emplace();
    visit_files(program, memory_, [&](Address file, const FileBytes& bytes) {
      files_->try_emplace(bytes.lock.value, file);
    });
  }
  const auto found = files_->find(lock.value);
  return found == files_->end() ? std::nullopt : std::optional(found->second);
}

}  // namespace pstuck
