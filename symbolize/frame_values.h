#pragma once

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "attach/memory.h"
#include "symbolize/flow_state.h"

namespace pstuck {

/// What is known of one frame of a stack, and what its code says about where it is.
struct FrameFacts {
  const FlowState* state = nullptr;  ///< null when the code could not be followed
  Address function;                  ///< where the frame's function begins
  /// The function that the frame's last instruction calls; none when it is no call, or one whose
  /// target is decided at run time.
  std::optional<Address> calls;
  std::optional<Address> sp;
  /// As in Frame::callee_saved, of x86-64.
  std::array<std::optional<std::uint64_t>, 6> callee_saved;
};

/// Turns formulas into values in the frames of one thread.
class FrameValues {
 public:
  /// Innermost frame first. The formulas, the memory and the frames' states must outlive it.
  FrameValues(const Formulas& formulas, Memory& memory, std::optional<Address> thread_pointer,
              std::vector<FrameFacts> frames)
      : formulas_(formulas),
        memory_(memory),
        thread_pointer_(thread_pointer),
        frames_(std::move(frames)) {}

  [[nodiscard]] const std::vector<FrameFacts>& frames() const { return frames_; }

  /// None where nothing that is known leads to the value.
  std::optional<std::uint64_t> evaluate(std::size_t frame, Formula formula);

 private:
  std::optional<std::uint64_t> find_base(std::size_t frame, Formula base);
  std::optional<std::uint64_t> find_in_registers(std::size_t frame, Formula base) const;
  std::optional<std::uint64_t> find_in_memory(std::size_t frame, Formula base);
  std::optional<std::uint64_t> find_at_entry(std::size_t frame, const Formulas::Base& what);
  std::optional<std::uint64_t> compute(std::size_t frame, const Formulas::Base& what);

  const Formulas& formulas_;
  Memory& memory_;
  std::optional<Address> thread_pointer_;
  std::vector<FrameFacts> frames_;
  // Each base is looked for once; while that goes on it has no value.
  std::map<std::pair<std::size_t, std::int32_t>, std::optional<std::uint64_t>> known_;
};

}  // namespace pstuck
