#include "analyzers/waits/frame_words.h"

#include <algorithm>

namespace pstuck {
namespace {

constexpr std::size_t kMostWords = 256;
constexpr std::size_t kWordsWithoutNames = 64;
constexpr std::size_t kFramesWithoutNames = 5;

std::size_t count_waiting_frames(const FutexSleeper& sleeper) {
  const auto& frames = sleeper.stack.frames;
  const auto program = std::ranges::find(frames, FrameOwner::kProgram, [&](const Frame& frame) {
    return sleeper.frames.owner(frame);
  });
  return static_cast<std::size_t>(program - frames.begin());
}

std::size_t count_words(const FutexSleeper& sleeper, std::size_t frames, Address sp) {
  if (frames == 0) return kWordsWithoutNames;
  if (frames >= sleeper.stack.frames.size()) return 0;
  const auto end = sleeper.stack.frames[frames].sp;
  if (!end || *end < sp) return 0;
  return std::min<std::uint64_t>((*end - sp) / sizeof(Address), kMostWords);
}

void add_words(Address from, std::size_t count, Memory& memory, std::set<Address>& words) {
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto word = memory.read_object<Address>(from + i * sizeof(Address))) {
      words.insert(*word);
    }
  }
}

}  // namespace

std::set<Address> words_at_stack_pointer(const ThreadSnapshot& thread, Memory& memory) {
  std::set<Address> words;
  if (const auto sp = thread.registers.stack_pointer()) {
    add_words(*sp, kWordsWithoutNames, memory, words);
  }
  return words;
}

std::set<Address> words_of_waiting_functions(const FutexSleeper& sleeper) {
  std::set<Address> words;
  const std::size_t waiting = count_waiting_frames(sleeper);
  const std::size_t frames =
      std::min(waiting == 0 ? kFramesWithoutNames : waiting, sleeper.stack.frames.size());
  for (std::size_t i = 0; i < frames; ++i) {
    for (const auto& value : sleeper.stack.frames[i].callee_saved) {
      if (value) words.insert(Address{*value});
    }
  }
  const auto sp = sleeper.thread.registers.stack_pointer();
  if (!sp) return words;
  add_words(*sp, count_words(sleeper, waiting, *sp), sleeper.locks.memory(), words);
  return words;
}

}  // namespace pstuck
