#include "attach/namespaces.h"

#include <fcntl.h>
#include <sched.h>

#include <thread>

#include "attach/proc_files.h"

namespace pstuck {

void in_namespace_of(Tid process, const std::string& name, int kind,
                     const std::function<void()>& work) {
  const std::string link = "ns/" + name;
  const std::string space = ProcDirectory(proc_path(process)).read_link(link);
  if (space.empty()) return;
  if (space == ProcDirectory("/proc/self").read_link(link)) {
    work();
    return;
  }
  // Only a thread that ends afterwards goes elsewhere.
  std::thread visitor([&] {
    const Descriptor entry(::open(proc_path(process, link).c_str(), O_RDONLY | O_CLOEXEC));
    if (entry.is_open() && ::setns(entry.get(), kind) == 0) work();
  });
  visitor.join();
}

}  // namespace pstuck
