#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "symbolize/symbols.h"

namespace pstuck {

/// What one analysis was told by the program's files: the frames as they were named there, and the
/// answers to all that it asked.
struct SavedSymbols {
  Stacks stacks;
  std::vector<Stacks> sampled;  ///< of later looks at some threads, in the order taken
  std::vector<VariableHit> variables;
  std::vector<ObjectUse> uses;
  /// Other answers, each in CBOR, by the question: its name and arguments, likewise. No answer is
  /// not saved.
  std::map<std::string, std::string> answers;
};

/// Passes questions on and remembers the answers.
class RecordingSymbols final : public Symbols {
 public:
  explicit RecordingSymbols(Symbols& below) : below_(below) {}

  [[nodiscard]] const SavedSymbols& saved() const { return saved_; }

  Stacks symbolize() override { return saved_.stacks = below_.symbolize(); }
  Stacks symbolize(std::span<const ThreadSnapshot> threads) override {
    return saved_.sampled.emplace_back(below_.symbolize(threads));
  }
  [[nodiscard]] std::vector<BlindSpot> blind_spots() const override { return below_.blind_spots(); }

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

 private:
  Symbols& below_;
  SavedSymbols saved_;
  std::set<Address> variables_of_;  // locks that find_variables() was asked for
  std::set<Address> uses_of_;       // likewise
};

/// Answers as it was answered then, for as many threads as the snapshot has.
std::unique_ptr<Symbols> open_saved_symbols(SavedSymbols saved, std::size_t threads);

/// In CBOR.
std::vector<std::byte> save(const SavedSymbols& symbols);

/// Throws Error where they are damaged. What points at no thread or frame is left out.
SavedSymbols restore_symbols(std::span<const std::byte> bytes);

}  // namespace pstuck
