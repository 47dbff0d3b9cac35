#include "analyzers/waits/thread_descriptor.h"

namespace pstuck {

bool is_thread_descriptor(Address at, Memory& memory) {
  return at.value != 0 && memory.read_object<Address>(at) == at &&
         memory.read_object<Address>(at + kDescriptorSelfOffset) == at;
}

std::optional<Tid> read_thread_id(Address descriptor, Memory& memory) {
  if (!is_thread_descriptor(descriptor, memory)) return std::nullopt;
  return memory.read_object<Tid>(descriptor + kDescriptorTidOffset);
}

}  // namespace pstuck
