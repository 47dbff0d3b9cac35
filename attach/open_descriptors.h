#pragma once

#include <map>
#include <set>
#include <vector>

#include "attach/fifo_openers.h"
#include "attach/kernel_facts.h"
#include "attach/mounts.h"
#include "attach/socket_table.h"

namespace pstuck {

/// Which processes have which files open, and whose children they are: the descriptors of all
/// processes, their names read once. Several targets can ask the same table. Touches nobody.
class OpenDescriptors {
 public:
  /// Reads what is not known yet: at first all processes, later those that started since. What a
  /// process opened after it was read is not seen, which a new table mends.
  void update();

  /// Adds those that have the file open, and the locks that they have through it. They are looked
  /// at when first asked for: many processes can wait for one file that many have open.
  void add_users(FileId file, KernelFacts& facts);

  /// Those of its children that are so now; at most kMostTold.
  [[nodiscard]] std::vector<Tid> find_children(Tid parent) const;

  /// Descriptors of some processes could not be read.
  [[nodiscard]] bool some_not_seen() const { return some_not_seen_; }

  /// Known to the table from the files that it has looked at.
  Mounts& mounts() { return mounts_; }

  /// Makes the device known of files of a message queue's mount that no process sees.
  void learn_mount(std::uint64_t id, std::uint64_t device);

  /// To ask who is at the other end of a socket.
  SocketTables& sockets() { return sockets_; }

  /// To ask who is likely to open a FIFO.
  FifoOpeners& fifo_openers() { return fifo_openers_; }

  static constexpr std::size_t kMostTold = 1024;  ///< users of a file, locks, children

 private:
  struct Place {
    Tid process;
    std::int32_t descriptor = -1;
  };

  struct Users {
    std::vector<FileUser> users;
    std::vector<HeldFileLock> locks;
    bool some_left_out = false;
  };

  void read_names(Tid process);
  Users look_at_users(FileId file);
  void identify();

  std::set<Tid> known_;
  std::multimap<Tid, Tid> children_;
  std::multimap<FileId, Place> places_;
  std::vector<Place> with_path_;   // not in places_ yet: what they are is asked when it matters
  std::map<FileId, Users> users_;  // as far as they were asked for
  Mounts mounts_;
  SocketTables sockets_;
  FifoOpeners fifo_openers_;
  std::size_t looked_at_ = 0;
  bool some_not_seen_ = false;
};

}  // namespace pstuck
