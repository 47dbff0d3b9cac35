#pragma once

#include "analyzers/waits/recogniser.h"

namespace pstuck {

/// Reads whom a described lock says to have it, where the description tells how: into `wait.owner`,
/// and where that leads to no thread the reason into the resource.
void read_described_owner(const LockDescription& lock, const FutexSleeper& sleeper,
                          RecognisedWait& wait);

}  // namespace pstuck
