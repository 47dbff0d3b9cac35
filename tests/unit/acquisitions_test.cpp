// Which of the witnesses for a lock's frame is believed.

#include "analyzers/acquisitions.h"

#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

constexpr Address kMutex{0x5000};

/// One thread that holds one mutex, its frames written innermost first: "std::" ones are the
/// library's, ones that begin with "+" were inlined into the next.
class Acquisitions : public ::testing::Test {
 protected:
  void stack_is(const std::vector<std::string>& functions) {
    Stack& stack = stacks_.stacks.emplace_back();
    std::uint64_t physical = 0;
    for (std::string function : functions) {
      const bool inlined = function.starts_with("+");
      if (inlined) function.erase(0, 1);
      stack.frames.push_back({.pc = CodeAddress::return_address({0x1000 + 0x10 * physical}),
                              .location = stacks_.locations.size(),
                              .sp = Address{0x7000 + 0x100 * physical}});
      stacks_.locations.push_back({.function = function,
                                   .symbol = inlined ? "" : function,
                                   .module = "app",
                                   .file = "/src/app.cpp",
                                   .line = static_cast<int>(10 * stack.frames.size()),
                                   .inlined = inlined});
      if (!inlined) ++physical;
    }
  }
  void guard_in(std::size_t frame, int line, const std::string& type = "std::lock_guard<M>") {
    variables_.push_back({.lock = kMutex,
                          .frame = frame,
                          .relation = VariableHit::Relation::kGuards,
                          .variable = "lk",
                          .variable_type = type,
                          .path = {},
                          .lock_type = {},
                          .class_member = {},
                          .object = {},
                          .file = "/src/app.cpp",
                          .line = line});
  }
  void given_back_in(std::size_t frame) {
    call_in(frame);
    program_.locking_calls[{0, kMutex}].back().given_back = true;
  }
  void call_in(std::size_t frame, bool on_every_path = true) {
    program_.locking_calls[{0, kMutex}].push_back({.frame = frame,
                                                   .call = {},
                                                   .file = "/src/app.cpp",
                                                   .line = 7,
                                                   .on_every_path = on_every_path});
  }
  void locked_times(std::uint32_t count) { recursion_ = count; }
  void waits_for_itself_in(std::size_t frame) { waiting_frame_ = frame; }

  /// "#4 guard 12", one for each acquisition.
  std::string attribute() {
    Snapshot snapshot;
    snapshot.threads.resize(1);
    Diagnosis diagnosis;
    diagnosis.threads.resize(1);
    diagnosis.resources.push_back({.address = kMutex, .recursion = recursion_});
    diagnosis.held.push_back({});
    if (waiting_frame_) {
      diagnosis.waits.push_back({.frame = waiting_frame_});
      diagnosis.threads[0].wait = 0;
    }
    const ProgramFrames frames(snapshot, stacks_);
    attribute_frames(stacks_, frames, program_, variables_, diagnosis);
    std::string text;
    for (const HeldLock& held : diagnosis.held) {
      if (!text.empty()) text += ", ";
      if (!held.acquisition) {
        text += "no frame";
        continue;
      }
      text += "#" + std::to_string(held.acquisition->frame) +
              (held.acquisition->by == AttributedBy::kGuard ? " guard " : " code ") +
              std::to_string(held.acquisition->line);
    }
    return text;
  }

  testing::FakeProgram program_;

 private:
  Stacks stacks_;
  std::vector<VariableHit> variables_;
  std::uint32_t recursion_ = 0;
  std::optional<std::size_t> waiting_frame_;
};

TEST_F(Acquisitions, NeedsAWitness) {
  stack_is({"get", "dispatch"});
  EXPECT_EQ(attribute(), "no frame");
}

TEST_F(Acquisitions, BelievesAGuard) {
  stack_is({"get", "dispatch"});
  guard_in(1, 12);
  EXPECT_EQ(attribute(), "#1 guard 12");
}

TEST_F(Acquisitions, BelievesTheCode) {
  stack_is({"get", "dispatch"});
  call_in(1);
  EXPECT_EQ(attribute(), "#1 code 7");
}

TEST_F(Acquisitions, TakesTheLineFromTheGuardWhereBothSpeak) {
  stack_is({"get", "dispatch"});
  call_in(1);
  guard_in(1, 12);
  EXPECT_EQ(attribute(), "#1 guard 12");
}

// The outer frame's unique_lock has given it back, which its guard does not tell.
TEST_F(Acquisitions, PrefersSureCodeToAnotherFramesGuard) {
  stack_is({"relock", "dispatch"});
  guard_in(1, 12);
  call_in(0);
  EXPECT_EQ(attribute(), "#0 code 7");
}

TEST_F(Acquisitions, PrefersAGuardToCodeThatIsNotSure) {
  stack_is({"try_again", "dispatch"});
  guard_in(1, 12);
  call_in(0, false);
  EXPECT_EQ(attribute(), "#1 guard 12");
}

TEST_F(Acquisitions, PrefersCodeThatIsSure) {
  stack_is({"try_again", "dispatch"});
  call_in(0, false);
  call_in(1, true);
  EXPECT_EQ(attribute(), "#1 code 7");
}

TEST_F(Acquisitions, DoesNotBelieveAGuardThatGaveItBack) {
  stack_is({"wait_for_work", "dispatch"});
  guard_in(1, 12);
  given_back_in(1);
  EXPECT_EQ(attribute(), "no frame");
}

TEST_F(Acquisitions, DoesNotBelieveAGuardThatCanBeEmptyByItself) {
  stack_is({"get", "dispatch"});
  guard_in(1, 12, "std::unique_lock<std::mutex>");
  EXPECT_EQ(attribute(), "no frame");
  call_in(1);
  EXPECT_EQ(attribute(), "#1 guard 12");
}

TEST_F(Acquisitions, TakesTheInnermostOfSeveralFrames) {
  stack_is({"get", "relock", "dispatch"});
  guard_in(1, 12);
  guard_in(2, 22);
  EXPECT_EQ(attribute(), "#1 guard 12");
}

TEST_F(Acquisitions, GivesARecursiveLockToAllFramesThatTookIt) {
  stack_is({"inner", "outer"});
  locked_times(2);
  guard_in(0, 12);
  guard_in(1, 22);
  EXPECT_EQ(attribute(), "#0 guard 12, #1 guard 22");
}

TEST_F(Acquisitions, DoesNotTakeTheWaitingGuardForTheHolder) {
  stack_is({"again", "first"});
  waits_for_itself_in(0);
  guard_in(0, 12);
  guard_in(1, 22);
  EXPECT_EQ(attribute(), "#1 guard 22");
}

TEST_F(Acquisitions, PutsTheLibrarysFramesDownToTheirCaller) {
  stack_is({"std::lock<std::mutex, std::mutex>(std::mutex&, std::mutex&)", "transfer"});
  call_in(0);
  EXPECT_EQ(attribute(), "#1 code 20");
}

TEST_F(Acquisitions, IgnoresFramesThatAreNotThere) {
  stack_is({"get"});
  call_in(9);
  EXPECT_EQ(attribute(), "no frame");
}

}  // namespace
}  // namespace pstuck
