#include "attach/process_list.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "attach/proc_files.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool has_name(const ListedProcess& process, const std::string& name) {
  if (process.name == name) return true;
  std::string program = ProcDirectory(proc_path(process.pid)).read_link("exe");
  constexpr std::string_view kDeleted = " (deleted)";
  if (program.ends_with(kDeleted)) program.resize(program.size() - kDeleted.size());
  return base_name(program) == name;
}

// Ids of children need not be larger than their parents': they come round.
std::vector<Tid> find_tree(const std::vector<ListedProcess>& list, Tid root) {
  std::multimap<Tid, Tid> children;
  std::set<Tid> tree;
  for (const ListedProcess& process : list) {
    children.emplace(process.parent, process.pid);
    if (process.pid == root) tree.insert(root);
  }
  std::vector<Tid> open(tree.begin(), tree.end());
  while (!open.empty()) {
    const auto [first, last] = children.equal_range(open.back());
    open.pop_back();
    for (auto child = first; child != last; ++child) {
      if (tree.insert(child->second).second) open.push_back(child->second);
    }
  }
  return {tree.begin(), tree.end()};
}

}  // namespace

std::vector<ListedProcess> list_processes() {
  std::vector<ListedProcess> list;
  const ProcDirectory all("/proc");
  for (const Tid pid : all.read_ids()) {
    const auto text = all.read(fmt::format("{}/stat", pid.value));
    const auto stat = text ? parse_stat(*text) : std::nullopt;
    if (!stat || pid.value == ::getpid()) continue;
    if ((stat->flags & kKernelThread) != 0 || stat->state == 'X') continue;
    // One whose first thread has ended may still have others.
    const bool has_ended =
        stat->state == 'Z' && ProcDirectory(proc_path(pid, "task")).read_ids().size() < 2;
    if (has_ended) continue;
    list.push_back({pid, stat->parent, stat->group, stat->session, stat->name});
  }
  return list;
}

std::vector<Tid> choose_processes(const std::vector<ListedProcess>& list,
                                  const ProcessChoice& choice) {
  if (choice.by == ProcessChoice::By::kTree) return find_tree(list, choice.id);
  std::vector<Tid> chosen;
  for (const ListedProcess& process : list) {
    const bool fits = choice.by == ProcessChoice::By::kAll ||
                      (choice.by == ProcessChoice::By::kGroup && process.group == choice.id) ||
                      (choice.by == ProcessChoice::By::kName && has_name(process, choice.name));
    if (fits) chosen.push_back(process.pid);
  }
  return chosen;
}

}  // namespace pstuck
