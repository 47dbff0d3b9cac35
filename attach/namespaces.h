#pragma once

#include <functional>
#include <string>

#include "attach/ids.h"

namespace pstuck {

/// Does `work` as if in the process's namespace of this kind: "net", CLONE_NEWNET. Does nothing
/// where pstuck may not enter that.
void in_namespace_of(Tid process, const std::string& name, int kind,
                     const std::function<void()>& work);

}  // namespace pstuck
