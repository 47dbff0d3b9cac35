// Locks of which one thread at a time can be the holder, and which do not say who: musl's normal
// mutex, elided mutexes, spinlocks, absl::Mutex, QMutex, GMutex, omp_lock_t, Rust's Mutex.
//
//     101  waits for m
//     102  #2 Cache::evict    call g_mutex_lock(m)     taken and not given back: likely the holder
//     103  #1 Cache::get      call g_mutex_lock(m)     has given it back: not this one
//
// One witness makes a likely holder. Two cannot both be right, so nothing is concluded from them.

#include "analyzers/holders/holds.h"

namespace pstuck {

PartnerFinds find_sole_holder(const PartnerQuestion& question) {
  PartnerFinds finds;
  bool is_shared = false;
  for (const Hold& hold : find_holds(question)) {
    is_shared = is_shared || hold.shared;
    finds.partners.push_back({.thread = hold.thread,
                              .part = hold.shared ? Part::kReads : Part::kHolds,
                              .frame = hold.frame});
  }
  finds.complete = finds.partners.size() == 1 && !is_shared;
  return finds;
}

}  // namespace pstuck
