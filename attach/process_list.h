#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attach/ids.h"

namespace pstuck {

/// One process of pstuck's own PID namespace, as it stood in the list.
struct ListedProcess {
  Tid pid;
  Tid parent;
  Tid group;  ///< process group
  Tid session;
  std::string name;  ///< as ps -e shows it, cut after 15 bytes
};

/// All processes that can be looked at, ascending: no kernel threads, none that has ended, and not
/// pstuck itself.
std::vector<ListedProcess> list_processes();

/// How processes are chosen other than one by one.
struct ProcessChoice {
  enum class By {
    kAll,
    kTree,   ///< the process `id` and all its descendants
    kGroup,  ///< of process group `id`
    kName,   ///< whose name, or the name of whose program, is `name`
  };

  By by = By::kAll;
  Tid id;
  std::string name;
};

/// Those of the list that are chosen, ascending. Reads the program's name of those whose own name
/// is another.
std::vector<Tid> choose_processes(const std::vector<ListedProcess>& list,
                                  const ProcessChoice& choice);

}  // namespace pstuck
