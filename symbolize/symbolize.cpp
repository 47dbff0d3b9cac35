#include "symbolize/symbolize.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "symbolize/call_site.h"
#include "symbolize/data_symbols.h"
#include "symbolize/demangle.h"
#include "symbolize/frame_variables.h"
#include "symbolize/library_calls.h"
#include "symbolize/lines.h"
#include "symbolize/locking_calls.h"
#include "symbolize/member_paths.h"
#include "symbolize/modules.h"
#include "symbolize/named_members.h"
#include "symbolize/object_class.h"
#include "symbolize/symbol_names.h"
#include "symbolize/thread_locals.h"
#include "symbolize/unwind.h"

namespace pstuck {
namespace {

/// The distinct addresses to name, each with the number under which it was first seen.
class AddressTable {
 public:
  std::size_t intern(Address at) {
    const auto [entry, is_new] = numbers_.try_emplace(at.value, addresses_.size());
    if (is_new) addresses_.push_back(at);
    return entry->second;
  }

  [[nodiscard]] const std::vector<Address>& addresses() const { return addresses_; }

 private:
  std::unordered_map<std::uint64_t, std::size_t> numbers_;
  std::vector<Address> addresses_;
};

struct NamedAddress {
  Address at;
  std::size_t number = 0;             ///< in the AddressTable
  std::optional<std::size_t> module;  ///< none outside all modules
  std::optional<FunctionSymbol> function;
};

/// A run of Stacks::locations: an address's inlined calls and the function around them.
struct Expansion {
  std::size_t first = 0;
  std::size_t count = 1;
};

/// Puts each address's locations in the place of its number; inlined calls become frames.
void expand_frames(const std::vector<Expansion>& expansions, std::vector<Frame>& frames) {
  std::size_t total = 0;
  for (const Frame& frame : frames) total += expansions[frame.location].count;
  std::vector<Frame> expanded;
  expanded.reserve(total);
  for (Frame frame : frames) {
    const Expansion expansion = expansions[frame.location];
    for (std::size_t i = 0; i < expansion.count; ++i) {
      frame.location = expansion.first + i;
      expanded.push_back(frame);
    }
  }
  frames = std::move(expanded);
}

}  // namespace

class Symbolizer::Impl {
 public:
  Impl(const Snapshot& snapshot, Memory& memory, const SymbolizeOptions& options)
      : snapshot_(snapshot),
        memory_(memory),
        options_(options),
        modules_(snapshot, memory, options.places),
        unwinder_(modules_, memory, options.max_frames),
        units_(modules_),
        functions_(scopes_),
        lines_(units_, functions_),
        variables_(modules_),
        thread_locals_(snapshot, modules_, memory),
        types_(modules_, scopes_),
        member_paths_(modules_, types_),
        named_members_(types_),
        function_ranges_(modules_, memory),
        object_classes_(snapshot, modules_, memory, function_ranges_),
        frame_variables_(snapshot, modules_, memory, units_, functions_, types_),
        locking_calls_(snapshot, modules_, memory, function_ranges_,
                       options.lines ? &lines_ : nullptr, options_.lock_functions) {}

  Stacks symbolize(std::span<const ThreadSnapshot> threads);
  Stacks symbolize_all() { return symbolize(snapshot_.threads); }
  std::optional<DataSymbol> find_data_symbol(Address at);
  std::optional<ObjectClass> find_object_class(Address at);
  std::optional<std::string> find_virtual_class(Address object) {
    return object_classes_.find_by_table(object);
  }
  std::vector<VariableHit> find_variables(const Stacks& stacks, std::span<const Address> locks);
  std::vector<LockingCall> find_locking_calls(const Stacks& stacks, std::size_t thread,
                                              Address lock) {
    return locking_calls_.find(stacks, thread, lock);
  }
  std::string find_called_function(const CodeAddress& pc);
  std::optional<std::uint64_t> find_argument(const Stacks& stacks, std::size_t thread,
                                             std::size_t frame, std::size_t number) {
    return locking_calls_.find_argument(stacks, thread, frame, number);
  }
  std::vector<ObjectUse> find_uses(const Stacks& stacks, std::span<const Address> objects) {
    return locking_calls_.find_uses(stacks, objects);
  }
  std::optional<Address> find_libc_variable(std::string_view name);
  std::optional<AddressRange> find_variable(std::string_view name) {
    return variables_.find_own(snapshot_.modules.size(), std::string(name));
  }
  std::optional<ElementField> find_element_member(Address variable, std::string_view path);
  std::optional<FieldPlace> find_member(const CodeAddress& code, std::string_view class_name,
                                        std::string_view path) {
    const auto module = modules_.find(code.for_lookup());
    return module ? named_members_.find(*module, class_name, path) : std::nullopt;
  }
  [[nodiscard]] std::vector<BlindSpot> blind_spots() const { return modules_.blind_spots(); }

 private:
  /// Frames' locations are numbers of the table until expand_frames().
  void unwind_threads(std::span<const ThreadSnapshot> threads, Stacks& stacks, AddressTable& table);
  std::vector<NamedAddress> name_addresses(const std::vector<Address>& addresses);
  Expansion add_locations(const NamedAddress& address, std::vector<Location>& locations);
  void name_called_functions();

  const Snapshot& snapshot_;
  Memory& memory_;
  SymbolizeOptions options_;
  LoadedModules modules_;
  Unwinder unwinder_;
  DwarfUnits units_;
  DwarfScopes scopes_;
  DwarfFunctions functions_;
  SourceLines lines_;
  VariableIndex variables_;
  ThreadLocals thread_locals_;
  DwarfTypes types_;
  MemberPaths member_paths_;
  NamedMembers named_members_;
  FunctionRanges function_ranges_;
  ObjectClasses object_classes_;
  FrameVariables frame_variables_;
  LockingCalls locking_calls_;
  std::set<Address> return_addresses_;  // of all frames
  std::optional<std::unordered_map<std::uint64_t, std::string_view>>
      called_functions_;  // symbols by return address, once one was asked for
};

void Symbolizer::Impl::unwind_threads(std::span<const ThreadSnapshot> threads, Stacks& stacks,
                                      AddressTable& table) {
  stacks.stacks.reserve(threads.size());
  for (const ThreadSnapshot& thread : threads) {
    Stack& stack = stacks.stacks.emplace_back(unwinder_.unwind(thread));
    for (Frame& frame : stack.frames) {
      frame.location = table.intern(frame.pc.for_lookup());
      if (frame.pc.is_return_address()) return_addresses_.insert(frame.pc.address());
    }
    if (options_.progress) options_.progress(stacks.stacks.size(), threads.size());
  }
}

std::vector<NamedAddress> Symbolizer::Impl::name_addresses(const std::vector<Address>& addresses) {
  std::vector<NamedAddress> named;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    named.push_back({.at = addresses[i], .number = i, .module = modules_.find(addresses[i])});
  }
  std::ranges::sort(named, {}, &NamedAddress::at);
  for (auto first = named.begin(); first != named.end();) {
    const auto last = std::find_if(first, named.end(), [&](const NamedAddress& address) {
      return address.module != first->module;
    });
    Dwfl_Module* module = first->module ? modules_.open(*first->module) : nullptr;
    if (module) {
      std::vector<Address> sorted;
      std::transform(first, last, std::back_inserter(sorted), [](const auto& a) { return a.at; });
      const auto functions = find_functions(module, sorted);
      for (std::size_t i = 0; i < functions.size(); ++i) {
        first[static_cast<std::ptrdiff_t>(i)].function = functions[i];
      }
    }
    first = last;
  }
  return named;
}

Expansion Symbolizer::Impl::add_locations(const NamedAddress& address,
                                          std::vector<Location>& locations) {
  Location place;
  std::vector<SourceCall> calls;
  if (address.module) {
    place.module = modules_.base_name(*address.module);
    place.module_offset = address.at - modules_.module(*address.module).start;
    const bool wants_lines = options_.lines && !modules_.is_c_library(*address.module);
    if (wants_lines) calls = lines_.find(*address.module, address.at, !address.function);
  }
  if (calls.empty()) calls.resize(1);
  const Expansion expansion{locations.size(), calls.size()};
  for (SourceCall& call : calls) {
    Location& location = locations.emplace_back(place);
    location.function = std::move(call.function);
    location.file = std::move(call.file);
    location.line = call.line;
    location.inlined = call.inlined;
  }
  if (address.function) {
    locations.back().symbol = address.function->name;
    locations.back().function = demangle(address.function->name);
  }
  return expansion;
}

Stacks Symbolizer::Impl::symbolize(std::span<const ThreadSnapshot> threads) {
  Stacks stacks;
  AddressTable table;
  unwind_threads(threads, stacks, table);
  const std::size_t frame_addresses = table.addresses().size();

  // A call's target is named together with the frames: one pass over each symbol table.
  LibraryCalls library_calls(modules_, memory_);
  std::vector<std::optional<std::size_t>> calls;
  for (const Stack& stack : stacks.stacks) {
    const auto target = library_calls.find_target(stack);
    calls.push_back(target ? std::optional(table.intern(*target)) : std::nullopt);
  }

  std::vector<Expansion> expansions(table.addresses().size());
  std::vector<std::string_view> begins(table.addresses().size());
  for (const NamedAddress& address : name_addresses(table.addresses())) {
    if (address.function && address.function->start == address.at) {
      begins[address.number] = address.function->name;
    }
    if (address.number >= frame_addresses) continue;
    if (address.module) modules_.note_touched(*address.module);
    expansions[address.number] = add_locations(address, stacks.locations);
  }
  for (std::size_t i = 0; i < stacks.stacks.size(); ++i) {
    if (calls[i]) stacks.stacks[i].library_call = begins[*calls[i]];
    expand_frames(expansions, stacks.stacks[i].frames);
  }
  return stacks;
}

/// Those of all frames together: naming takes a pass over each symbol table.
void Symbolizer::Impl::name_called_functions() {
  called_functions_.emplace();
  std::vector<Address> callers;
  std::vector<Address> targets;
  for (const Address caller : return_addresses_) {
    const auto call = decode_call_before(memory_, caller, modules_.machine());
    if (!call || !call->target) continue;
    callers.push_back(caller);
    targets.push_back(*call->target);
  }
  for (const NamedAddress& named : name_addresses(targets)) {
    if (!named.function || named.function->start != named.at) continue;
    called_functions_->emplace(callers[named.number].value, named.function->name);
  }
}

std::string Symbolizer::Impl::find_called_function(const CodeAddress& pc) {
  if (!pc.is_return_address()) return {};
  if (!called_functions_) name_called_functions();
  const auto found = called_functions_->find(pc.address().value);
  return found == called_functions_->end() ? std::string() : demangle(found->second);
}

std::optional<DataSymbol> Symbolizer::Impl::find_data_symbol(Address at) {
  std::optional<DataSymbol> symbol;
  std::optional<MemberPath> path;
  if (const auto module = modules_.find_image(at)) {
    symbol = variables_.find(*module, at);
    if (symbol && options_.lines) {
      path = member_paths_.find(*module, at - symbol->offset, symbol->offset);
    }
  } else if (const auto place = thread_locals_.find(at)) {
    symbol = variables_.find_thread_local(place->module, place->offset);
    if (symbol && options_.lines) {
      path = member_paths_.find_thread_local(place->module, place->offset - symbol->offset,
                                             symbol->offset);
    }
  }
  if (path) {
    symbol->member = path->path;
    symbol->type = path->lock_type;
  }
  return symbol;
}

std::optional<ObjectClass> Symbolizer::Impl::find_object_class(Address at) {
  const auto object = object_classes_.find(at);
  if (!object) return {};
  ObjectClass found{.name = object->class_name, .object = object->start};
  std::optional<MemberPath> member;
  if (options_.lines) {
    member = types_.find_class_member(object->module, object->class_name, at - object->start);
  }
  if (!member) return object->is_whole ? std::optional(found) : std::nullopt;
  found.member = member->path;
  found.lock_type = member->lock_type;
  return found;
}

std::optional<Address> Symbolizer::Impl::find_libc_variable(std::string_view name) {
  std::optional<std::size_t> program;
  bool has_libc = false;
  for (std::size_t i = 0; i < snapshot_.modules.size(); ++i) {
    if (modules_.module(i).path == snapshot_.process.executable && !program) program = i;
    if (!modules_.is_c_library(i)) continue;
    has_libc = true;
    if (const auto found = variables_.find(i, name)) return found;
  }
  if (has_libc || !program) return {};
  return variables_.find(*program, name);
}

std::optional<ElementField> Symbolizer::Impl::find_element_member(Address variable,
                                                                  std::string_view path) {
  const auto module = modules_.find_image(variable);
  return module ? member_paths_.find_element_member(*module, variable, path) : std::nullopt;
}

std::vector<VariableHit> Symbolizer::Impl::find_variables(const Stacks& stacks,
                                                          std::span<const Address> locks) {
  if (!options_.lines) return {};
  return frame_variables_.find(stacks, locks);
}

Symbolizer::Symbolizer(const Snapshot& snapshot, Memory& memory, const SymbolizeOptions& options)
    : impl_(std::make_unique<Impl>(snapshot, memory, options)) {}

Symbolizer::~Symbolizer() = default;

Stacks Symbolizer::symbolize() { return impl_->symbolize_all(); }

Stacks Symbolizer::symbolize(std::span<const ThreadSnapshot> threads) {
  return impl_->symbolize(threads);
}

std::optional<DataSymbol> Symbolizer::find_data_symbol(Address at) {
  return impl_->find_data_symbol(at);
}

std::optional<Address> Symbolizer::find_libc_variable(std::string_view name) {
  return impl_->find_libc_variable(name);
}

std::optional<std::string> Symbolizer::find_virtual_class(Address object) {
  return impl_->find_virtual_class(object);
}

std::optional<AddressRange> Symbolizer::find_variable(std::string_view name) {
  return impl_->find_variable(name);
}

std::optional<ElementField> Symbolizer::find_element_member(Address variable,
                                                            std::string_view path) {
  return impl_->find_element_member(variable, path);
}

std::optional<FieldPlace> Symbolizer::find_member(const CodeAddress& code,
                                                  std::string_view class_name,
                                                  std::string_view path) {
  return impl_->find_member(code, class_name, path);
}

std::vector<VariableHit> Symbolizer::find_variables(const Stacks& stacks,
                                                    std::span<const Address> locks) {
  return impl_->find_variables(stacks, locks);
}

std::optional<ObjectClass> Symbolizer::find_object_class(Address at) {
  return impl_->find_object_class(at);
}

std::vector<LockingCall> Symbolizer::find_locking_calls(const Stacks& stacks, std::size_t thread,
                                                        Address lock) {
  return impl_->find_locking_calls(stacks, thread, lock);
}

std::string Symbolizer::find_called_function(const CodeAddress& pc) {
  return impl_->find_called_function(pc);
}

std::optional<std::uint64_t> Symbolizer::find_argument(const Stacks& stacks, std::size_t thread,
                                                       std::size_t frame, std::size_t number) {
  return impl_->find_argument(stacks, thread, frame, number);
}

std::vector<ObjectUse> Symbolizer::find_uses(const Stacks& stacks,
                                             std::span<const Address> objects) {
  return impl_->find_uses(stacks, objects);
}

std::vector<BlindSpot> Symbolizer::blind_spots() const { return impl_->blind_spots(); }

}  // namespace pstuck
