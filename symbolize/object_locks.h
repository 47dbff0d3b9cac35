#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "attach/memory.h"
#include "symbolize/object_pointers.h"

namespace pstuck {

/// One of the locks asked about, and how an object leads to it.
struct LockInReach {
  Address lock;
  /// What to write behind the object's name: "", ".mu_", ".cache_->mu_", "->shards[3].mu".
  std::string path;
  bool is_pointed_to = false;  ///< the path is a pointer's: "*" stands before it all
  bool is_guarded = false;     ///< the object is a guard of the lock
  bool is_inside = false;      ///< the lock is a part of the object
  MemberPath member;           ///< of the last object on the way, which begins at `object`
  Address object;
};

/// Finds those of some locks that objects in the target have in them or point to.
class ObjectLocks {
 public:
  /// `locks` is ascending and must outlive it, as must the others.
  ObjectLocks(std::span<const Address> locks, DwarfTypes& types, ObjectPointers& pointers,
              Memory& memory)
      : locks_(locks), types_(types), pointers_(pointers), memory_(memory) {}

  /// In the object of a bare type at the address, and behind the pointers in it.
  std::vector<LockInReach> find(std::size_t module, const DwarfEntry& type, Address object);

  /// The same, remembered, for objects that many frames point to. What is behind the object's own
  /// pointers is told the first times only: it is there for names, and the hundredth frame knows no
  /// better one.
  const std::vector<LockInReach>& find_shared(std::size_t module, const DwarfEntry& type,
                                              Address object);

  using ReadWord = std::function<std::optional<std::uint64_t>(std::uint64_t offset)>;

  /// Behind the pointers in an object of a bare type that may have no address.
  std::vector<LockInReach> follow_pointers(std::size_t module, const DwarfEntry& type,
                                           const ReadWord& read_word);

  /// Cheap: some lock lies in the range.
  [[nodiscard]] bool has_lock_in(Address start, std::uint64_t size) const;

 private:
  std::vector<LockInReach> look_inside(std::size_t module, const DwarfEntry& type, Address object,
                                       std::uint64_t size);
  void follow_vector(std::size_t module, const PointerInObject& vector, Address begin, Address end,
                     std::vector<LockInReach>& found);

  std::span<const Address> locks_;
  DwarfTypes& types_;
  ObjectPointers& pointers_;
  Memory& memory_;
  struct Known {
    std::vector<LockInReach> locks;
    int times_told = 0;
  };

  std::map<std::pair<const void*, Address>, Known> known_;  // by type and object
};

}  // namespace pstuck
