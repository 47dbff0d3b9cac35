// The variables of frames that lead to locks.
//
//     #2  Cache::get      inlined     } one physical frame: one pc, one sp, one set of registers;
//     #3  Router::route   inlined     } the variables of each call are in the scope of its inlined
//     #4  Router::dispatch            } entry, and hit the frame of that call
//     #5  worker                        the next physical frame
//
// Which variables are in scope, of what types and where, depends on the code address only, and many
// threads stand at few addresses: that is looked up once (scope_variables.h). What remains for each
// frame is to evaluate the locations with its registers, and to look whether the value, or what it
// points to, covers one of the locks.
//
// What a frame left in the registers that calls may change is lost, but in a thread's innermost
// frame. The canonical frame address is the caller's stack pointer.
//
// A variable whose declaration the frame has not come to is in scope all the same, and its memory
// holds what was there before. So variables declared below the line that the frame is at are none.

#include "symbolize/frame_variables.h"

#include <algorithm>

#include "symbolize/object_locks.h"
#include "symbolize/object_pointers.h"
#include "symbolize/scope_variables.h"
#include "symbolize/unwind_tables.h"

namespace pstuck {
namespace {

constexpr std::size_t kMostHitsInFrame = 64;

Registers read_registers(const ThreadSnapshot& thread, const Frame& frame, bool is_innermost) {
  const Registers& all = thread.registers;
  const RegisterRoles roles = roles_of(all.machine);
  Registers registers{.machine = all.machine};
  if (is_innermost && all.program_counter() == frame.pc.address()) registers = all;
  for (std::size_t i = 0; i < roles.callee_saved.size(); ++i) {
    if (frame.callee_saved[i]) registers.set(roles.callee_saved[i], *frame.callee_saved[i]);
  }
  if (frame.sp) registers.set(roles.stack_pointer, frame.sp->value);
  registers.set(roles.program_counter, frame.pc.address().value);
  return registers;
}

/// A physical frame: its inlined calls and itself.
struct FrameRun {
  std::size_t thread = 0;
  std::size_t first = 0;
  std::size_t end = 0;
};

bool is_declared_below(const VariableDescription& variable, const Location& place) {
  return variable.line > place.line && place.line > 0 && variable.file == place.file;
}

VariableHit::Relation relation_of(const ScopeVariable& variable, const LockInReach& found) {
  using Relation = VariableHit::Relation;
  const bool is_object = !variable.is_pointer && !variable.is_reference;
  if (is_object && found.is_inside) return Relation::kContains;
  // A guard that was handed over was made by the caller.
  const bool is_guard = is_object && found.is_guarded && !variable.is_parameter;
  return is_guard ? Relation::kGuards : Relation::kLeadsTo;
}

/// A lambda's object has what it captured under the names that those have outside it; gcc adds two
/// underscores.
std::string spell(const ScopeVariable& variable, const VariableDescription& description,
                  const LockInReach& found) {
  const std::string& name = description.name;
  const std::string& path = found.path;
  std::string text;
  if (path.starts_with('.') && description.is_lambda) {
    text = path.substr(path.starts_with(".__") ? 3 : 1);
  } else if (!variable.is_pointer) {
    text = name + path;
  } else if (path.empty()) {
    text = "*" + name;
  } else if (path.starts_with('.')) {
    text = name + "->" + path.substr(1);
  } else {
    text = "(*" + name + ")" + path;
  }
  return found.is_pointed_to ? "*" + text : text;
}

}  // namespace

class FrameVariables::Impl {
 public:
  Impl(const Snapshot& captured, LoadedModules& loaded, Memory& target, DwarfUnits& units,
       DwarfFunctions& functions, DwarfTypes& known)
      : snapshot(captured),
        modules(loaded),
        memory(target),
        types(known),
        pointers(known),
        scopes(units, functions, known, pointers) {}

  void look_at(const Stacks& stacks, const FrameRun& run, ObjectLocks& locks,
               std::vector<VariableHit>& hits);
  FrameState evaluate_frame(const Stacks& stacks, const FrameRun& run,
                            const ScopeVariables& variables);
  std::optional<std::uint64_t> find_cfa(const Stacks& stacks, const FrameRun& run,
                                        const FrameState& state);
  std::vector<LockInReach> find_locks(std::size_t module, const ScopeVariable& variable,
                                      const FrameState& state, ObjectLocks& locks);
  VariableHit make_hit(const ScopeVariable& variable, const VariableDescription& description,
                       const LockInReach& found);

  const Snapshot& snapshot;
  LoadedModules& modules;
  Memory& memory;
  DwarfTypes& types;
  ObjectPointers pointers;
  ScopeIndex scopes;
};

std::optional<std::uint64_t> FrameVariables::Impl::find_cfa(const Stacks& stacks,
                                                            const FrameRun& run,
                                                            const FrameState& state) {
  const std::vector<Frame>& frames = stacks.stacks[run.thread].frames;
  if (run.end < frames.size() && !frames[run.end].interrupted) {
    const std::optional<Address> sp = frames[run.end].sp;
    if (sp) return sp->value;
  }
  const auto row = find_unwind_row(modules, frames[run.first].pc.for_lookup());
  if (!row || !row->base) return {};
  const auto value = state.registers.get(row->base->dwarf_register);
  return value ? std::optional(*value + row->base->offset) : std::nullopt;
}

FrameState FrameVariables::Impl::evaluate_frame(const Stacks& stacks, const FrameRun& run,
                                                const ScopeVariables& variables) {
  const Frame& frame = stacks.stacks[run.thread].frames[run.first];
  FrameState state{.registers = read_registers(snapshot.threads[run.thread], frame, run.first == 0),
                   .bias = variables.bias};
  if (variables.needs_cfa) state.cfa = find_cfa(stacks, run, state);
  state.frame_base = evaluate_frame_base(variables.frame_base, state, memory);
  return state;
}

std::vector<LockInReach> FrameVariables::Impl::find_locks(std::size_t module,
                                                          const ScopeVariable& variable,
                                                          const FrameState& state,
                                                          ObjectLocks& locks) {
  const Place place = evaluate_location(variable.location, state, memory);
  if (place.empty()) return {};
  const auto read = [&](std::uint64_t offset) { return read_word(place, offset, memory); };
  if (variable.is_pointer || variable.is_reference) {
    const auto to = read(0);
    if (!to) return {};
    return locks.find_shared(module, variable.type, {*to});
  }
  if (const auto address = whole_in_memory(place)) {
    return locks.find(module, variable.type, *address);
  }
  return locks.follow_pointers(module, variable.type, read);
}

VariableHit FrameVariables::Impl::make_hit(const ScopeVariable& variable,
                                           const VariableDescription& description,
                                           const LockInReach& found) {
  VariableHit hit{.lock = found.lock,
                  .relation = relation_of(variable, found),
                  .variable = description.name,
                  .variable_type = description.type,
                  .path = spell(variable, description, found),
                  .lock_type = found.member.lock_type,
                  .class_member = found.member.class_member,
                  .file = description.file,
                  .line = description.line};
  if (!hit.class_member.empty()) hit.object = found.object;
  // A guard's own members are no way to the lock that a programmer would write.
  if (hit.relation == VariableHit::Relation::kGuards) hit.path = hit.variable;
  return hit;
}

void FrameVariables::Impl::look_at(const Stacks& stacks, const FrameRun& run, ObjectLocks& locks,
                                   std::vector<VariableHit>& hits) {
  const std::vector<Frame>& frames = stacks.stacks[run.thread].frames;
  const Address at = frames[run.first].pc.for_lookup();
  const auto module = modules.find(at);
  if (!module || modules.is_c_library(*module)) return;
  const ScopeVariables& known = scopes.find(*module, at);
  if (known.variables.empty() || known.levels != run.end - run.first) return;
  const FrameState state = evaluate_frame(stacks, run, known);
  const std::size_t before = hits.size();
  for (const ScopeVariable& variable : known.variables) {
    const std::size_t frame = run.first + variable.level;
    const auto found = find_locks(*module, variable, state, locks);
    if (found.empty()) continue;
    const VariableDescription& description = scopes.describe(variable);
    const Location& place = stacks.at(frames[frame]);
    if (!variable.is_parameter && is_declared_below(description, place)) continue;
    for (const LockInReach& lock : found) {
      if (hits.size() - before == kMostHitsInFrame) return;
      VariableHit hit = make_hit(variable, description, lock);
      hit.thread = run.thread;
      hit.frame = frame;
      hits.push_back(std::move(hit));
    }
  }
}

FrameVariables::FrameVariables(const Snapshot& snapshot, LoadedModules& modules, Memory& memory,
                               DwarfUnits& units, DwarfFunctions& functions, DwarfTypes& types)
    : impl_(std::make_unique<Impl>(snapshot, modules, memory, units, functions, types)) {}

FrameVariables::~FrameVariables() = default;

std::vector<VariableHit> FrameVariables::find(const Stacks& stacks,
                                              std::span<const Address> locks) {
  std::vector<VariableHit> hits;
  if (locks.empty()) return hits;
  ObjectLocks objects(locks, impl_->types, impl_->pointers, impl_->memory);
  const std::size_t threads = std::min(stacks.stacks.size(), impl_->snapshot.threads.size());
  for (std::size_t thread = 0; thread < threads; ++thread) {
    const std::vector<Frame>& frames = stacks.stacks[thread].frames;
    for (std::size_t first = 0; first < frames.size();) {
      std::size_t end = first;
      while (end < frames.size() && stacks.at(frames[end]).inlined) ++end;
      end = std::min(end + 1, frames.size());
      impl_->look_at(stacks, {thread, first, end}, objects, hits);
      first = end;
    }
  }
  return hits;
}

}  // namespace pstuck
