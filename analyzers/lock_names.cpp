// One lock, one name: the one that a programmer would call it by. A lock can be seen in many ways,
//
//     main        server             ──▶ Server ┬ cache_ ┬ entries_        server->cache_.mu_
//     Cache::get  this, lock (guard) ──▶        │        └ mu_             Cache::mu_
//     other       it->second         ──▶        └ log_                     (the same lock)
//
// and of the names that these give, the first in this order is taken:
//
//   1. the global variable, down to the member:          g_cache.shards[3].mu
//   2. the variable of a frame that it lies in:          lk in zeta()
//   3. the path from a frame's variable, where it says more than the class: it begins at a variable
//      with a name of its own, not at `this`, and passes through an object on the way to the one
//      that the lock is a member of:                     server->cache_.mu_
//   4. the class that it is a member of:                 Cache::mu_
//   5. the symbol and the distance from its beginning:   g_cache+0x28
//   6. the class of its object, from run-time type information: OrderBook::mu_, OrderBook+0x28
//   7. a frame's pointer or reference to the bare lock:  *lock in wait_for(), entry.second in f()
//
// Frames can contradict each other, since a variable that is not set yet points anywhere: the class
// that most of them show is believed, the first one when as many show another. Of several paths the
// one with the fewest steps is taken, then the first. First is: in the thread with the lowest tid,
// innermost frame, outermost scope. Nothing here depends on more than the snapshot.
//
// Several locks can get one name, as the mu_ of every Account: these are numbered by their
// addresses.

#include "analyzers/lock_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace pstuck {
namespace {

using Relation = VariableHit::Relation;

struct Name {
  std::string text;
  NamedBy by = NamedBy::kNothing;
  std::string module;
  std::string type;
};

// All locks in _rtld_global guard the list of loaded modules; in a static program they are
// variables of their own (glibc 2.36: sysdeps/generic/ldsodefs.h, elf/dl-support.c; 2.37 added the
// last one).
bool is_loader(const DataSymbol& symbol) {
  return (symbol.name == "_rtld_global" && symbol.module.starts_with("ld-")) ||
         symbol.name == "_dl_load_lock" || symbol.name == "_dl_load_write_lock" ||
         symbol.name == "_dl_load_tls_lock";
}

Name name_of(const DataSymbol& symbol) {
  Name name{symbol.name, NamedBy::kSymbol, symbol.module, symbol.type};
  if (is_loader(symbol)) {
    name.text = "the loader's lock";
  } else if (symbol.member) {
    name.text += *symbol.member;
    name.by = NamedBy::kVariable;
  } else if (symbol.offset != 0) {
    name.text += fmt::format("+{:#x}", symbol.offset);
  }
  return name;
}

Name name_of(const ObjectClass& object, Address lock) {
  Name name{object.name, NamedBy::kObjectClass, {}, object.lock_type};
  if (!object.member.empty()) {
    const bool is_dotted = object.member.starts_with('.');
    name.text += (is_dotted ? "::" : "") + object.member.substr(is_dotted ? 1 : 0);
  } else if (lock != object.object) {
    name.text += fmt::format("+{:#x}", lock - object.object);
  }
  return name;
}

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_operator(std::string_view function, std::size_t at) {
  return function.substr(at).starts_with("operator") &&
         (at == 0 || !is_identifier(function[at - 1]));
}

/// "Cache::get()" of "std::string Cache::get<int>(int) const". An operator, and a name whose
/// brackets do not match, stays as it is.
std::string without_signature(std::string_view function) {
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i < function.size(); ++i) {
    const char c = function[i];
    if (depth < 0 || is_operator(function, i)) return std::string(function);
    if (depth == 0 && c == ' ') start = i + 1;
    const std::string_view before = function.substr(start, i - start);
    const bool has_name = !before.empty() && before.back() != ':' && before != "decltype";
    if (c == '(' && depth == 0 && has_name) return std::string(before) + "()";
    if (c == '(' || c == '<' || c == '{') ++depth;
    if (c == ')' || c == '>' || c == '}') --depth;
  }
  return std::string(depth == 0 ? function.substr(start) : function) + "()";
}

bool is_of_the_implementation(std::string_view path) {
  // libstdc++'s, libc++'s; of Rust's Arc and Rc.
  constexpr std::string_view kParts[] = {".__", "->__", "._M_", "->_M_", ".ptr.pointer"};
  if (path.starts_with("__") || path.starts_with("*__")) return true;
  return std::ranges::any_of(
      kParts, [&](std::string_view part) { return path.find(part) != std::string_view::npos; });
}

std::size_t count_steps(std::string_view path) {
  return static_cast<std::size_t>(std::ranges::count(path, '.') + std::ranges::count(path, '>'));
}

bool says_more_than_the_class(const VariableHit& hit) {
  const std::string_view path = hit.path;
  const std::string_view base = path.substr(0, path.find_first_of(".-["));
  return hit.relation == Relation::kLeadsTo && base != "this" && count_steps(path) >= 2 &&
         !is_of_the_implementation(path);
}

/// The variables that lead to one lock, and the names that they give it.
class FrameNames {
 public:
  FrameNames(const Stacks& stacks, std::vector<const VariableHit*> hits)
      : stacks_(stacks), hits_(std::move(hits)) {}

  /// From a variable that contains the lock, from a path or a class.
  [[nodiscard]] std::optional<Name> find_object() const;
  /// From what points to the bare lock.
  [[nodiscard]] std::optional<Name> find_pointer() const;
  /// Empty when no frame tells.
  [[nodiscard]] std::string find_type() const;

 private:
  [[nodiscard]] std::string find_class_member() const;
  [[nodiscard]] Name name_in_function(const VariableHit& hit) const;

  const Stacks& stacks_;
  std::vector<const VariableHit*> hits_;
};

Name FrameNames::name_in_function(const VariableHit& hit) const {
  std::string text = hit.path;
  if (hit.thread < stacks_.stacks.size() && hit.frame < stacks_.stacks[hit.thread].frames.size()) {
    const std::size_t location = stacks_.stacks[hit.thread].frames[hit.frame].location;
    std::string_view function;
    if (location < stacks_.locations.size()) function = stacks_.locations[location].function;
    if (!function.empty()) text += " in " + without_signature(function);
  }
  return {text, NamedBy::kFrameObject, {}, hit.lock_type};
}

std::string FrameNames::find_class_member() const {
  std::map<std::string_view, std::size_t> counts;
  std::string_view best;
  for (const VariableHit* hit : hits_) {
    if (!hit->class_member.empty()) ++counts[hit->class_member];
  }
  for (const VariableHit* hit : hits_) {
    if (!hit->class_member.empty() && (best.empty() || counts[hit->class_member] > counts[best]))
      best = hit->class_member;
  }
  return std::string(best);
}

std::optional<Name> FrameNames::find_object() const {
  const auto around = std::ranges::find_if(hits_, [](const VariableHit* hit) {
    return hit->relation == Relation::kContains && !is_of_the_implementation(hit->path);
  });
  if (around != hits_.end()) return name_in_function(**around);
  const std::string class_member = find_class_member();
  if (class_member.empty()) return {};
  const VariableHit* best = nullptr;
  for (const VariableHit* hit : hits_) {
    if (hit->class_member != class_member || !says_more_than_the_class(*hit)) continue;
    if (!best || count_steps(hit->path) < count_steps(best->path)) best = hit;
  }
  return Name{best ? best->path : class_member, NamedBy::kFrameObject, {}, find_type()};
}

std::optional<Name> FrameNames::find_pointer() const {
  const auto found = std::ranges::find_if(hits_, [](const VariableHit* hit) {
    return hit->relation == Relation::kLeadsTo && !hit->path.empty() && hit->path != "this" &&
           !is_of_the_implementation(hit->path);
  });
  return found == hits_.end() ? std::nullopt : std::optional(name_in_function(**found));
}

std::string FrameNames::find_type() const {
  const std::string class_member = find_class_member();
  for (const VariableHit* hit : hits_) {
    if (hit->class_member == class_member && !hit->lock_type.empty()) return hit->lock_type;
  }
  return {};
}

std::optional<Name> find_name(Program& program, Address lock, const FrameNames& frames) {
  const auto symbol = program.find_data_symbol(lock);
  const bool has_symbol = symbol && !symbol->name.empty();
  if (has_symbol && symbol->member) return name_of(*symbol);
  if (auto name = frames.find_object()) return name;
  if (has_symbol) return name_of(*symbol);
  if (const auto object = program.find_object_class(lock); object && !object->name.empty())
    return name_of(*object, lock);
  return frames.find_pointer();
}

void number_locks(std::span<Resource> resources) {
  std::map<std::string_view, std::vector<Resource*>> by_name;
  for (Resource& resource : resources) {
    resource.number = 0;
    if (resource.kind != ResourceKind::kThread && !resource.name.empty())
      by_name[resource.name].push_back(&resource);
  }
  for (auto& [name, locks] : by_name) {
    if (locks.size() == 1) continue;
    std::ranges::sort(locks, {}, &Resource::address);
    for (std::size_t i = 0; i < locks.size(); ++i) locks[i]->number = i + 1;
  }
}

}  // namespace

void name_locks(const Stacks& stacks, Program& program, std::span<const VariableHit> variables,
                std::span<Resource> resources) {
  std::map<Address, std::vector<const VariableHit*>> hits;
  for (const VariableHit& hit : variables) hits[hit.lock].push_back(&hit);
  for (Resource& resource : resources) {
    if (resource.kind == ResourceKind::kThread) continue;
    const FrameNames frames(stacks, hits[resource.address]);
    std::optional<Name> name;
    if (resource.name.empty()) name = find_name(program, resource.address, frames);
    if (name) {
      resource.name = name->text;
      resource.named_by = name->by;
      resource.name_module = name->module;
      if (!name->type.empty()) resource.type = name->type;
    }
    if (resource.type.empty()) resource.type = frames.find_type();
    if (!resource.condition_mutex) continue;
    ConditionMutex& mutex = *resource.condition_mutex;
    const auto mutex_name =
        find_name(program, mutex.address, FrameNames(stacks, hits[mutex.address]));
    if (mutex_name) mutex.name = mutex_name->text;
  }
  number_locks(resources);
}

}  // namespace pstuck
