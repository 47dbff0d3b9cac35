#include "symbolize/saved_symbols.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "attach/error.h"
#include "attach/saved_values.h"

namespace nlohmann {

template <>
struct adl_serializer<pstuck::CodeAddress> {
  static void to_json(json& saved, const pstuck::CodeAddress& value) {
    saved = {{"at", value.address()}, {"is_return_address", value.is_return_address()}};
  }
  static pstuck::CodeAddress from_json(const json& saved) {
    const auto at = saved.at("at").get<pstuck::Address>();
    return saved.at("is_return_address").get<bool>() ? pstuck::CodeAddress::return_address(at)
                                                     : pstuck::CodeAddress::instruction(at);
  }
};

}  // namespace nlohmann

namespace pstuck {

template <>
struct SavedWords<StackEnd> {
  static constexpr std::array kWords{
      std::pair{StackEnd::kRoot, std::string_view("root")},
      std::pair{StackEnd::kNoCfi, std::string_view("no_cfi")},
      std::pair{StackEnd::kMemoryMissing, std::string_view("memory_missing")},
      std::pair{StackEnd::kLoop, std::string_view("loop")},
      std::pair{StackEnd::kFrameLimit, std::string_view("frame_limit")},
      std::pair{StackEnd::kNotCaptured, std::string_view("not_captured")},
  };
};

template <>
struct SavedWords<VariableHit::Relation> {
  static constexpr std::array kWords{
      std::pair{VariableHit::Relation::kContains, std::string_view("contains")},
      std::pair{VariableHit::Relation::kLeadsTo, std::string_view("leads_to")},
      std::pair{VariableHit::Relation::kGuards, std::string_view("guards")},
  };
};

template <>
struct SavedWords<ObjectUse::Kind> {
  static constexpr std::array kWords{
      std::pair{ObjectUse::Kind::kTook, std::string_view("took")},
      std::pair{ObjectUse::Kind::kGaveBack, std::string_view("gave_back")},
      std::pair{ObjectUse::Kind::kWillGive, std::string_view("will_give")},
      std::pair{ObjectUse::Kind::kArrives, std::string_view("arrives")},
      std::pair{ObjectUse::Kind::kNotifies, std::string_view("notifies")},
      std::pair{ObjectUse::Kind::kRunsOnce, std::string_view("runs_once")},
  };
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Location, function, symbol, module, module_offset,
                                                file, line, inlined)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Frame, pc, location, sp, callee_saved, interrupted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Stack, frames, end, library_call)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Stacks, stacks, locations)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(AddressRange, start, end)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(DataSymbol, name, member, type, offset, size,
                                                module)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(VariableHit, lock, thread, frame, relation,
                                                variable, variable_type, path, lock_type,
                                                class_member, object, file, line)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ObjectClass, name, object, member, lock_type)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LockingCall, frame, call, file, line, on_every_path,
                                                given_back)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ObjectUse, kind, object, thread, frame,
                                                on_every_path, shared, returns_it)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(FieldPlace, offset, size)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(ElementField, stride, field)

namespace {

std::string to_bytes(const SavedJson& value) {
  std::string bytes;
  SavedJson::to_cbor(value, bytes);
  return bytes;
}

template <typename... Arguments>
std::string question(std::string_view name, const Arguments&... arguments) {
  return to_bytes(SavedJson::array({SavedJson(name), SavedJson(arguments)...}));
}

/// An answer, remembered where there is one.
template <typename T>
T keep(SavedSymbols& saved, const std::string& question, T answer) {
  if (answer != T{}) saved.answers.emplace(question, to_bytes(SavedJson(answer)));
  return answer;
}

template <typename T>
std::optional<T> keep(SavedSymbols& saved, const std::string& question, std::optional<T> answer) {
  if (answer) saved.answers.emplace(question, to_bytes(SavedJson(*answer)));
  return answer;
}

template <typename T>
std::vector<T> keep(SavedSymbols& saved, const std::string& question, std::vector<T> answer) {
  if (!answer.empty()) saved.answers.emplace(question, to_bytes(SavedJson(answer)));
  return answer;
}

/// The questions, each spelled once for asking and for answering.
std::string ask_data_symbol(Address at) { return question("data_symbol", at); }
std::string ask_libc_variable(std::string_view name) { return question("libc_variable", name); }
std::string ask_variable(std::string_view name) { return question("variable", name); }
std::string ask_element_member(Address variable, std::string_view path) {
  return question("element_member", variable, path);
}
std::string ask_member(const CodeAddress& code, std::string_view class_name,
                       std::string_view path) {
  return question("member", code, class_name, path);
}
std::string ask_object_class(Address at) { return question("object_class", at); }
std::string ask_virtual_class(Address object) { return question("virtual_class", object); }
std::string ask_locking_calls(std::size_t thread, Address lock) {
  return question("locking_calls", thread, lock);
}
std::string ask_called_function(const CodeAddress& pc) { return question("called_function", pc); }
std::string ask_argument(std::size_t thread, std::size_t frame, std::size_t number) {
  return question("argument", thread, frame, number);
}

/// Appends what is about an address that was not asked for before.
template <typename T>
void keep_new(std::span<const Address> asked, const std::vector<T>& found, Address T::*about,
              std::set<Address>& known, std::vector<T>& into) {
  std::ranges::copy_if(found, std::back_inserter(into),
                       [&](const T& item) { return !known.contains(item.*about); });
  known.insert(asked.begin(), asked.end());
}

class ReplayedSymbols final : public Symbols {
 public:
  ReplayedSymbols(SavedSymbols saved, std::size_t threads) : saved_(std::move(saved)) {
    saved_.stacks.stacks.resize(threads);
    const auto order = [](const auto& item) { return std::tuple(item.thread, item.frame); };
    std::ranges::stable_sort(saved_.variables, {}, order);
    std::ranges::stable_sort(saved_.uses, {}, order);
    std::erase_if(saved_.variables, [&](const VariableHit& hit) { return !has(hit); });
    std::erase_if(saved_.uses, [&](const ObjectUse& use) { return !has(use); });
  }

  Stacks symbolize() override { return saved_.stacks; }
  Stacks symbolize(std::span<const ThreadSnapshot> threads) override {
    Stacks stacks;
    if (sampled_ < saved_.sampled.size()) stacks = saved_.sampled[sampled_++];
    stacks.stacks.resize(threads.size());
    return stacks;
  }
  [[nodiscard]] std::vector<BlindSpot> blind_spots() const override { return {}; }

  std::optional<DataSymbol> find_data_symbol(Address at) override {
    return find<DataSymbol>(ask_data_symbol(at));
  }
  std::optional<Address> find_libc_variable(std::string_view name) override {
    return find<Address>(ask_libc_variable(name));
  }
  std::optional<AddressRange> find_variable(std::string_view name) override {
    return find<AddressRange>(ask_variable(name));
  }
  std::optional<ElementField> find_element_member(Address variable,
                                                  std::string_view path) override {
    return find<ElementField>(ask_element_member(variable, path));
  }
  std::optional<FieldPlace> find_member(const CodeAddress& code, std::string_view class_name,
                                        std::string_view path) override {
    return find<FieldPlace>(ask_member(code, class_name, path));
  }
  std::vector<VariableHit> find_variables(const Stacks&, std::span<const Address> locks) override {
    return about(locks, saved_.variables, &VariableHit::lock);
  }
  std::optional<ObjectClass> find_object_class(Address at) override {
    return find<ObjectClass>(ask_object_class(at));
  }
  std::optional<std::string> find_virtual_class(Address object) override {
    return find<std::string>(ask_virtual_class(object));
  }
  std::vector<ObjectUse> find_uses(const Stacks&, std::span<const Address> objects) override {
    return about(objects, saved_.uses, &ObjectUse::object);
  }
  std::vector<LockingCall> find_locking_calls(const Stacks& stacks, std::size_t thread,
                                              Address lock) override {
    auto calls = find<std::vector<LockingCall>>(ask_locking_calls(thread, lock))
                     .value_or(std::vector<LockingCall>{});
    std::erase_if(calls, [&](const LockingCall& call) {
      return thread >= stacks.stacks.size() || call.frame >= stacks.stacks[thread].frames.size();
    });
    return calls;
  }
  std::string find_called_function(const CodeAddress& pc) override {
    return find<std::string>(ask_called_function(pc)).value_or("");
  }
  std::optional<std::uint64_t> find_argument(const Stacks&, std::size_t thread, std::size_t frame,
                                             std::size_t number) override {
    return find<std::uint64_t>(ask_argument(thread, frame, number));
  }

 private:
  template <typename T>
  [[nodiscard]] bool has(const T& item) const {
    const auto& stacks = saved_.stacks.stacks;
    return item.thread < stacks.size() && item.frame < stacks[item.thread].frames.size();
  }

  template <typename T>
  std::optional<T> find(const std::string& question) const {
    const auto found = saved_.answers.find(question);
    if (found == saved_.answers.end()) return {};
    try {
      return SavedJson::from_cbor(found->second).template get<T>();
    } catch (const SavedJson::exception&) {
      return {};  // not an answer to this question
    }
  }

  template <typename T>
  static std::vector<T> about(std::span<const Address> asked, const std::vector<T>& all,
                              Address T::*about) {
    std::vector<T> found;
    std::ranges::copy_if(all, std::back_inserter(found), [&](const T& item) {
      return std::ranges::binary_search(asked, item.*about);
    });
    return found;
  }

  SavedSymbols saved_;
  std::size_t sampled_ = 0;
};

/// Leaves out frames that name no location.
void drop_unnamed(Stacks& stacks) {
  for (Stack& stack : stacks.stacks) {
    std::erase_if(stack.frames,
                  [&](const Frame& frame) { return frame.location >= stacks.locations.size(); });
  }
}

}  // namespace

std::optional<DataSymbol> RecordingSymbols::find_data_symbol(Address at) {
  return keep(saved_, ask_data_symbol(at), below_.find_data_symbol(at));
}

std::optional<Address> RecordingSymbols::find_libc_variable(std::string_view name) {
  return keep(saved_, ask_libc_variable(name), below_.find_libc_variable(name));
}

std::optional<AddressRange> RecordingSymbols::find_variable(std::string_view name) {
  return keep(saved_, ask_variable(name), below_.find_variable(name));
}

std::optional<ElementField> RecordingSymbols::find_element_member(Address variable,
                                                                  std::string_view path) {
  return keep(saved_, ask_element_member(variable, path),
              below_.find_element_member(variable, path));
}

std::optional<FieldPlace> RecordingSymbols::find_member(const CodeAddress& code,
                                                        std::string_view class_name,
                                                        std::string_view path) {
  return keep(saved_, ask_member(code, class_name, path),
              below_.find_member(code, class_name, path));
}

std::vector<VariableHit> RecordingSymbols::find_variables(const Stacks& stacks,
                                                          std::span<const Address> locks) {
  auto found = below_.find_variables(stacks, locks);
  keep_new(locks, found, &VariableHit::lock, variables_of_, saved_.variables);
  return found;
}

std::optional<ObjectClass> RecordingSymbols::find_object_class(Address at) {
  return keep(saved_, ask_object_class(at), below_.find_object_class(at));
}

std::optional<std::string> RecordingSymbols::find_virtual_class(Address object) {
  return keep(saved_, ask_virtual_class(object), below_.find_virtual_class(object));
}

std::vector<ObjectUse> RecordingSymbols::find_uses(const Stacks& stacks,
                                                   std::span<const Address> objects) {
  auto found = below_.find_uses(stacks, objects);
  keep_new(objects, found, &ObjectUse::object, uses_of_, saved_.uses);
  return found;
}

std::vector<LockingCall> RecordingSymbols::find_locking_calls(const Stacks& stacks,
                                                              std::size_t thread, Address lock) {
  return keep(saved_, ask_locking_calls(thread, lock),
              below_.find_locking_calls(stacks, thread, lock));
}

std::string RecordingSymbols::find_called_function(const CodeAddress& pc) {
  return keep(saved_, ask_called_function(pc), below_.find_called_function(pc));
}

std::optional<std::uint64_t> RecordingSymbols::find_argument(const Stacks& stacks,
                                                             std::size_t thread, std::size_t frame,
                                                             std::size_t number) {
  return keep(saved_, ask_argument(thread, frame, number),
              below_.find_argument(stacks, thread, frame, number));
}

std::unique_ptr<Symbols> open_saved_symbols(SavedSymbols saved, std::size_t threads) {
  return std::make_unique<ReplayedSymbols>(std::move(saved), threads);
}

std::vector<std::byte> save(const SavedSymbols& symbols) {
  SavedJson saved{{"stacks", symbols.stacks},
                  {"sampled", symbols.sampled},
                  {"variables", symbols.variables},
                  {"uses", symbols.uses},
                  {"answers", SavedJson::array()}};
  for (const auto& [question, answer] : symbols.answers) {
    saved["answers"].push_back({SavedJson::from_cbor(question), SavedJson::from_cbor(answer)});
  }
  const std::string bytes = to_bytes(saved);
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

SavedSymbols restore_symbols(std::span<const std::byte> bytes) try {
  const SavedJson saved = parse_saved(bytes);
  SavedSymbols symbols;
  saved.at("stacks").get_to(symbols.stacks);
  saved.at("sampled").get_to(symbols.sampled);
  saved.at("variables").get_to(symbols.variables);
  saved.at("uses").get_to(symbols.uses);
  for (const SavedJson& answer : saved.at("answers")) {
    symbols.answers.emplace(to_bytes(answer.at(0)), to_bytes(answer.at(1)));
  }
  drop_unnamed(symbols.stacks);
  for (Stacks& stacks : symbols.sampled) drop_unnamed(stacks);
  return symbols;
} catch (const SavedJson::exception&) {
  throw Error(ErrorKind::kUnreadable, "the snapshot's names are damaged",
              "copy it anew from where it was made");
}

}  // namespace pstuck
