#pragma once

#include <array>
#include <optional>
#include <span>

#include "attach/memory.h"

namespace pstuck {

/// A call instruction and where it leads.
struct CallSite {
  std::optional<Address> target;  ///< behind PLT stubs; none for a call through a register
};

/// The slot that a PLT stub jumps through; none when the code there is no stub.
std::optional<Address> find_stub_slot(Memory& memory, Address stub);

/// Where a call or jump to this address comes to: what its PLT stub leads to, else the address
/// itself. None when the stub's slot cannot be read.
std::optional<Address> follow_stub(Memory& memory, Address called);

/// The call that ends just before this return address. None when no call does.
std::optional<CallSite> decode_call_before(Memory& memory, Address return_address,
                                           Machine machine = Machine::kX86_64);

}  // namespace pstuck
