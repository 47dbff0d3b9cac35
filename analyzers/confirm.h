#pragma once

#include "analyzers/diagnosis.h"

namespace pstuck {

/// What must be read again to confirm a diagnosis: the threads of its findings and their locks.
struct ConfirmRequest {
  std::vector<Tid> threads;
  std::vector<Address> locks;
};

ConfirmRequest find_what_to_confirm(const Snapshot& snapshot, const Diagnosis& diagnosis);

/// Whether a thread stayed between two looks in the call that it was captured in.
bool stood_still(const Syscall& captured, const ThreadLook& first, const ThreadLook& second);

/// Whether all that find_what_to_confirm() named stood still between two looks. When not, a third
/// look can be worth it: on a busy machine a thread that was stopped for its capture takes a while
/// to fall asleep again.
bool nothing_moved(const Snapshot& snapshot, const Look& first, const Look& second,
                   const Diagnosis& diagnosis);

/// Holds a live diagnosis against two later looks at what find_what_to_confirm() named. A finding
/// stays when its threads stood still between the looks in the waits that it names, with the same
/// owners; else it is dropped and counted in Diagnosis::moved.
void confirm(const Snapshot& snapshot, const Look& first, const Look& second, Diagnosis& diagnosis);

}  // namespace pstuck
