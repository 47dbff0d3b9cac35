// Members by their names, as a lock file writes them: "state_.owner" of
//
//     class Lock : Counted { struct { long taken; State state_; }; … }
//     struct State { std::atomic<int> word, owner; }
//
// A name is looked for among the class's own members first, then in what has its members without a
// name of its own: unnamed structs and base classes. Where two of those have it the name means
// neither.

#include "symbolize/named_members.h"

#include <dwarf.h>

namespace pstuck {
namespace {

// Bounds for hostile debug information.
constexpr int kDeepest = 32;
constexpr int kMostSteps = 4096;

struct Member {
  DwarfEntry type;
  std::uint64_t offset = 0;
};

class MemberSearch {
 public:
  MemberSearch(DwarfTypes& types, std::size_t module) : types_(types), module_(module) {}

  std::optional<FieldPlace> find(const DwarfEntry& type, std::string_view path) {
    Member at{type};
    for (std::size_t dot = 0; dot != std::string_view::npos;) {
      dot = path.find('.');
      const auto next = find_member(at.type, path.substr(0, dot), 0);
      if (!next) return {};
      at = {next->type, at.offset + next->offset};
      path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    const auto size = at.type.byte_size();
    return size ? std::optional(FieldPlace{at.offset, *size}) : std::nullopt;
  }

 private:
  std::optional<Member> find_member(const DwarfEntry& type, std::string_view name, int depth);
  std::optional<Member> find_in_unnamed(const DwarfEntry& type, std::string_view name, int depth);

  DwarfTypes& types_;
  std::size_t module_;
  int steps_ = 0;
};

std::optional<Member> MemberSearch::find_member(const DwarfEntry& type, std::string_view name,
                                                int depth) {
  const auto plain = depth > kDeepest ? std::nullopt : types_.bare(module_, type);
  if (!plain || !is_class(plain->tag())) return {};
  for (auto child = plain->first_child(); child; child = child->next_sibling()) {
    if (++steps_ > kMostSteps) return {};
    if (child->tag() != DW_TAG_member || child->name() != name) continue;
    const bool is_bit_field = child->has(DW_AT_bit_size);
    const auto offset = is_bit_field ? std::nullopt : child->member_offset();
    const auto member_type = child->type();
    if (!offset || !member_type) return {};
    return Member{*member_type, *offset};
  }
  return find_in_unnamed(*plain, name, depth);
}

std::optional<Member> MemberSearch::find_in_unnamed(const DwarfEntry& type, std::string_view name,
                                                    int depth) {
  std::optional<Member> found;
  for (auto child = type.first_child(); child; child = child->next_sibling()) {
    if (++steps_ > kMostSteps) return {};
    const bool is_unnamed = child->tag() == DW_TAG_member && child->name().empty();
    if (!is_unnamed && child->tag() != DW_TAG_inheritance) continue;
    const auto offset = child->member_offset();
    const auto inner = offset ? child->type() : std::nullopt;
    const auto member = inner ? find_member(*inner, name, depth + 1) : std::nullopt;
    if (!member) continue;
    if (found) return {};
    found = Member{member->type, *offset + member->offset};
  }
  return found;
}

}  // namespace

std::optional<FieldPlace> NamedMembers::find(std::size_t module, std::string_view class_name,
                                             std::string_view path) {
  std::string name(class_name);
  name.append("::").append(path);
  const auto [entry, is_new] = known_.try_emplace({module, std::move(name)});
  if (is_new) entry->second = look_for(module, class_name, path);
  return entry->second;
}

std::optional<FieldPlace> NamedMembers::look_for(std::size_t module, std::string_view class_name,
                                                 std::string_view path) {
  std::optional<FieldPlace> agreed;
  for (const DwarfEntry& definition : types_.find_classes(module, class_name)) {
    const auto place = MemberSearch(types_, module).find(definition, path);
    if (!place || (agreed && *agreed != *place)) return {};
    agreed = place;
  }
  return agreed;
}

std::optional<ElementField> find_element_member(DwarfTypes& types, std::size_t module,
                                                const DwarfEntry& array, std::string_view path) {
  const auto plain = types.bare(module, array);
  const auto element = plain && plain->tag() == DW_TAG_array_type ? plain->type() : std::nullopt;
  const auto stride = element ? element->byte_size() : std::nullopt;
  const auto field = stride ? MemberSearch(types, module).find(*element, path) : std::nullopt;
  if (!field) return {};
  return ElementField{*stride, *field};
}

}  // namespace pstuck
