#pragma once

/// Threads, what their frames show, and who is found from it to hold what one of them waits for.

#include <gtest/gtest.h>

#include "analyzers/holders/source.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck::testing {

/// Threads whose stacks are written down, the first of which waits for one resource.
class Partners : public ::testing::Test {
 protected:
  static constexpr Address kObject{0x5000};

  /// "app" is the module of a frame, or what stands before its colon; "!" marks a frame that a
  /// signal interrupted. The frames of a thread are functions of their own.
  ThreadIndex thread(const std::vector<std::string>& functions) {
    Stack& stack = stacks_.stacks.emplace_back();
    for (std::string function : functions) {
      const bool interrupted = function.starts_with('!');
      if (interrupted) function.erase(0, 1);
      const std::size_t colon = function.find(".so:");
      const bool has_module = colon != std::string::npos;
      const std::uint64_t number = stacks_.locations.size();
      stack.frames.push_back({.pc = CodeAddress::return_address({0x1000 + 0x10 * number}),
                              .location = number,
                              .sp = Address{0x7000 + 0x100 * number},
                              .interrupted = interrupted});
      stacks_.locations.push_back(
          {.function = has_module ? function.substr(colon + 4) : function,
           .module = has_module ? function.substr(0, colon) + ".so.6" : "app"});
    }
    snapshot_.threads.emplace_back();
    diagnosis_.threads.emplace_back();
    return snapshot_.threads.size() - 1;
  }

  void waits_for(ResourceKind kind, ThreadIndex thread = 0, std::size_t frame = 0) {
    if (diagnosis_.resources.empty()) diagnosis_.resources.push_back({.address = kObject});
    diagnosis_.resources[0].kind = kind;
    diagnosis_.threads[thread].wait = diagnosis_.waits.size();
    diagnosis_.waits.push_back({.thread = thread, .frame = frame});
  }
  Resource& resource() { return diagnosis_.resources.at(0); }

  ObjectUse& use(ObjectUse::Kind kind, ThreadIndex thread, std::size_t frame) {
    return program_.uses.emplace_back(
        ObjectUse{.kind = kind, .object = kObject, .thread = thread, .frame = frame});
  }
  void not_sure() { program_.uses.back().on_every_path = false; }
  void as_reader() { program_.uses.back().shared = true; }
  void returning_it() { program_.uses.back().returns_it = true; }

  void variable(VariableHit::Relation relation, ThreadIndex thread, std::size_t frame,
                const std::string& type) {
    VariableHit hit;
    hit.lock = kObject;
    hit.thread = thread;
    hit.frame = frame;
    hit.relation = relation;
    hit.variable_type = type;
    variables_.push_back(hit);
  }
  void guard(ThreadIndex thread, std::size_t frame, const std::string& type) {
    variable(VariableHit::Relation::kGuards, thread, frame, type);
  }
  void pointer(ThreadIndex thread, std::size_t frame) {
    variable(VariableHit::Relation::kLeadsTo, thread, frame, "Server*");
  }

  /// "1#0 2#1 all" for two partners that are all, each with its thread and witness frame.
  std::string partners() {
    const ProgramFrames frames(snapshot_, stacks_);
    const Sources sources{memory_, program_, tasks_};
    find_partners({snapshot_, stacks_, frames, sources, variables_, diagnosis_},
                  diagnosis_.resources);
    std::string text;
    for (const Partner& partner : resource().partners) {
      if (!text.empty()) text += ' ';
      text += std::to_string(partner.thread) + "#" + std::to_string(partner.frame.value_or(99));
    }
    return resource().partners_complete ? text + " all" : text;
  }

  FakeProgram program_;
  Stacks stacks_;
  Snapshot snapshot_;
  Diagnosis diagnosis_;
  std::vector<VariableHit> variables_;
  FakeMemory memory_;
  FakeTasks tasks_;
};

}  // namespace pstuck::testing
