#pragma once

#include <optional>
#include <span>

#include "attach/memory.h"
#include "symbolize/modules.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// Where rbp points in a frame of code that was compiled with frame pointers, from its stack
/// pointer alone. None unless code, unwind table and stack all agree.
std::optional<Address> find_frame_pointer(LoadedModules& modules, Memory& memory,
                                          const Frame& frame);

/// How far the rest of a prologue, from behind mov %rsp,%rbp, moves the stack pointer down.
std::uint64_t decode_frame_size(std::span<const std::byte> code);

}  // namespace pstuck
