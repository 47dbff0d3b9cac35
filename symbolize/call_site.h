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

/// The call that ends just before this return address. None when no call does.
std::optional<CallSite> decode_call_before(Memory& memory, Address return_address);

}  // namespace pstuck
