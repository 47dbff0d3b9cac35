#pragma once

#include <memory>

#include "attach/recording.h"

namespace pstuck {

/// A target that answers as another one did when the recording was made. What it was not asked
/// then it does not know.
std::unique_ptr<Target> open_recording(Recording recording, SavedFacts facts);

}  // namespace pstuck
