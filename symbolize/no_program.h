#pragma once

#include "symbolize/program.h"

namespace pstuck {

/// A program of which nothing is known: of a process that is only looked at from outside.
class NoProgram final : public Program {
 public:
  std::optional<DataSymbol> find_data_symbol(Address /*at*/) override { return {}; }
  std::optional<Address> find_libc_variable(std::string_view /*name*/) override { return {}; }
  std::optional<AddressRange> find_variable(std::string_view /*name*/) override { return {}; }
  std::optional<ElementField> find_element_member(Address /*variable*/,
                                                  std::string_view /*path*/) override {
    return {};
  }
  std::optional<FieldPlace> find_member(const CodeAddress& /*code*/,
                                        std::string_view /*class_name*/,
                                        std::string_view /*path*/) override {
    return {};
  }
  std::vector<VariableHit> find_variables(const Stacks& /*stacks*/,
                                          std::span<const Address> /*locks*/) override {
    return {};
  }
  std::optional<ObjectClass> find_object_class(Address /*at*/) override { return {}; }
  std::optional<std::string> find_virtual_class(Address /*object*/) override { return {}; }
  std::vector<ObjectUse> find_uses(const Stacks& /*stacks*/,
                                   std::span<const Address> /*objects*/) override {
    return {};
  }
  std::vector<LockingCall> find_locking_calls(const Stacks& /*stacks*/, std::size_t /*thread*/,
                                              Address /*lock*/) override {
    return {};
  }
  std::string find_called_function(const CodeAddress& /*pc*/) override { return {}; }
  std::optional<std::uint64_t> find_argument(const Stacks& /*stacks*/, std::size_t /*thread*/,
                                             std::size_t /*frame*/,
                                             std::size_t /*number*/) override {
    return {};
  }
};

}  // namespace pstuck
