#pragma once

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace pstuck {

/// As std::map, in one piece of memory: for few small entries that are copied often.
template <typename Key, typename Value>
class SortedMap {
 public:
  using Entry = std::pair<Key, Value>;  ///< ascending by key, which must not be changed

  [[nodiscard]] auto begin() { return entries_.begin(); }
  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() { return entries_.end(); }
  [[nodiscard]] auto end() const { return entries_.end(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  void clear() { entries_.clear(); }

  [[nodiscard]] auto find(const Key& key) const {
    const auto at = std::ranges::lower_bound(entries_, key, {}, &Entry::first);
    return at != end() && at->first == key ? at : end();
  }
  [[nodiscard]] bool contains(const Key& key) const { return find(key) != end(); }
  [[nodiscard]] const Value& at(const Key& key) const {
    const auto found = find(key);
    assert(found != end());
    return found->second;
  }

  /// The value that the key has now, and whether it had none before.
  std::pair<Value&, bool> try_emplace(const Key& key, const Value& value = {}) {
    const auto at = std::ranges::lower_bound(entries_, key, {}, &Entry::first);
    if (at != end() && at->first == key) return {at->second, false};
    return {entries_.emplace(at, key, value)->second, true};
  }
  Value& operator[](const Key& key) { return try_emplace(key).first; }

  template <typename Predicate>
  std::size_t erase_if(Predicate predicate) {
    return std::erase_if(entries_, predicate);
  }

  friend bool operator==(const SortedMap&, const SortedMap&) = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace pstuck
