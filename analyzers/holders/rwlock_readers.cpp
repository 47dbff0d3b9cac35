// Who has a read-locked rwlock. It counts its readers and does not name them.
//
//     readers: 2     101  #2 Table::find   std::shared_lock, taken     ┐ as many as are counted:
//                    102  #3 Table::scan   call pthread_rwlock_rdlock  ┘ these are all
//                    103  #1 Table::peek   has given it back
//                    104  waits to write
//
// When they are fewer or more than the lock counts, somebody was missed or somebody's code was
// misread, and nothing is concluded. A thread that took it twice is one reader here and two in the
// lock, so that is not told. A writer that musl's rwlock does not record is found as a mutex's
// holder is.

#include <algorithm>

#include "analyzers/holders/holds.h"

namespace pstuck {

PartnerFinds find_rwlock_readers(const PartnerQuestion& question) {
  const auto& rwlock = question.resource().rwlock;
  if (!rwlock) return {};
  const bool by_writer = rwlock->write_locked;
  PartnerFinds finds;
  for (const Hold& hold : find_holds(question)) {
    if (hold.shared == by_writer) continue;
    finds.partners.push_back({.thread = hold.thread,
                              .part = by_writer ? Part::kHolds : Part::kReads,
                              .frame = hold.frame});
  }
  const std::size_t wanted = by_writer ? 1 : rwlock->readers;
  finds.complete = wanted > 0 && finds.partners.size() == wanted;
  return finds;
}

}  // namespace pstuck
