#pragma once

#include <span>
#include <vector>

#include "attach/memory.h"
#include "attach/snapshot.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// The variables of the loaded modules, .bss included: ascending.
std::vector<AddressRange> find_module_data(const Snapshot& snapshot);

/// Memory that objects live in: writable, no device, no module's data, and of the stacks neither
/// what lies below the stack pointer nor what find_live_stack() gives. Ascending, merged.
std::vector<AddressRange> find_object_memory(const Snapshot& snapshot, const Stacks& stacks,
                                             Memory& memory);

/// The part of a thread's stack that its frames use, or the innermost part of a big one; none when
/// the stack was not captured.
std::optional<AddressRange> find_live_stack(const Snapshot& snapshot, const Stacks& stacks,
                                            std::size_t thread);

/// The bytes of a thread's stack as they were captured, else as the memory has them, in `buffer`.
std::span<const std::byte> stack_bytes(const ThreadSnapshot& thread, AddressRange range,
                                       Memory& memory, std::vector<std::byte>& buffer);

}  // namespace pstuck
