#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "attach/file_places.h"
#include "attach/memory.h"
#include "symbolize/own_lock_functions.h"
#include "symbolize/symbols.h"

namespace pstuck {

struct SymbolizeOptions {
  std::size_t max_frames = 256;  ///< physical frames a thread; 0: no limit but the loop guard
  bool lines = true;             ///< file:line, inlined calls and members of variables, from DWARF
  FilePlaces places;
  std::vector<OwnLockFunction> lock_functions;  ///< beside those that pstuck knows by itself
  std::function<void(std::size_t done, std::size_t total)> progress;  ///< may be empty
};

/// The symbols of one snapshot's modules. The snapshot and the memory must outlive it.
/// Module files are opened when first needed.
class Symbolizer final : public Symbols {
 public:
  Symbolizer(const Snapshot& snapshot, Memory& memory, const SymbolizeOptions& options);
  ~Symbolizer() override;

  /// Touches the target only through the memory.
  Stacks symbolize() override;
  Stacks symbolize(std::span<const ThreadSnapshot> threads) override;

  std::optional<DataSymbol> find_data_symbol(Address at) override;
  std::optional<Address> find_libc_variable(std::string_view name) override;
  std::optional<AddressRange> find_variable(std::string_view name) override;
  std::optional<ElementField> find_element_member(Address variable, std::string_view path) override;
  std::optional<FieldPlace> find_member(const CodeAddress& code, std::string_view class_name,
                                        std::string_view path) override;
  std::vector<VariableHit> find_variables(const Stacks& stacks,
                                          std::span<const Address> locks) override;
  std::optional<ObjectClass> find_object_class(Address at) override;
  std::optional<std::string> find_virtual_class(Address object) override;
  std::vector<ObjectUse> find_uses(const Stacks& stacks, std::span<const Address> objects) override;
  std::vector<LockingCall> find_locking_calls(const Stacks& stacks, std::size_t thread,
                                              Address lock) override;
  std::string find_called_function(const CodeAddress& pc) override;
  std::optional<std::uint64_t> find_argument(const Stacks& stacks, std::size_t thread,
                                             std::size_t frame, std::size_t number) override;

  [[nodiscard]] std::vector<BlindSpot> blind_spots() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pstuck
