#include "analyzers/waits/cleanup_chain.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kCleanupOffset = 760;
constexpr std::size_t kMostHandlers = 64;

// struct _pthread_cleanup_buffer of glibc's pthread.h, the same from 2.17 to 2.42: routine,
// argument, the cancel type, the previous buffer.
constexpr std::uint64_t kPreviousOffset = 24;

}  // namespace

std::vector<CleanupHandler> read_cleanup_chain(const ThreadSnapshot& thread, Memory& memory) {
  std::vector<CleanupHandler> chain;
  const auto& self = thread.registers.thread_pointer;
  if (!self) return chain;
  auto at = memory.read_object<Address>(*self + kCleanupOffset);
  while (at && at->value != 0 && chain.size() < kMostHandlers) {
    const auto handler = memory.read_object<CleanupHandler>(*at);
    if (!handler) break;
    chain.push_back(*handler);
    at = memory.read_object<Address>(*at + kPreviousOffset);
  }
  return chain;
}

}  // namespace pstuck
