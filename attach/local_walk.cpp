#include "attach/local_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

// Following a path can wait for ever for a file server. So each step is taken alone, and before it
// the list of mounts is asked whose file system it leads to.

namespace pstuck {
namespace {

constexpr int kMostSteps = 256;

class LocalWalk {
 public:
  LocalWalk(const ProcDirectory& process, const std::vector<MountFacts>& mounts,
            const IsLocal& is_local)
      : process_(process), mounts_(mounts), is_local_(is_local) {}

  std::optional<struct stat> find(std::string rest) {
    if (!start()) return {};
    for (int step = 0; step < kMostSteps; ++step) {
      rest.erase(0, std::min(rest.find_first_not_of('/'), rest.size()));
      const std::string name = rest.substr(0, rest.find('/'));
      rest.erase(0, name.size());
      if (name == ".." && way_.size() > 1) way_.pop_back();
      if (name == "." || name == "..") continue;
      struct stat status {};
      if (name.empty() || !enter(name, status)) return {};
      if (S_ISLNK(status.st_mode)) {
        const std::string target = leave_link();
        if (target.empty()) return {};
        rest = target + rest;
        if (target.front() == '/') way_.erase(way_.begin() + 1, way_.end());
      } else if (rest.empty()) {
        return status;
      }
    }
    return {};
  }

 private:
  struct Place {
    std::string path;  // empty: the root
    Descriptor file;
  };

  bool start() {
    if (process_.read_link("root") != "/" || !may_enter("/")) return false;
    way_.push_back({"", process_.open_place("root")});
    return way_.back().file.is_open();
  }

  bool enter(const std::string& name, struct stat& status) {
    const Place& from = way_.back();
    std::string path = from.path + '/' + name;
    if (!may_enter(path)) return false;
    Descriptor file(::openat(from.file.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file.is_open() || ::fstat(file.get(), &status) != 0) return false;
    way_.push_back({std::move(path), std::move(file)});
    return true;
  }

  std::string leave_link() {
    std::array<char, 4096> text;
    const ssize_t got = ::readlinkat(way_.back().file.get(), "", text.data(), text.size());
    way_.pop_back();
    return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }

  /// Links in /proc lead elsewhere for pstuck than for the process.
  [[nodiscard]] bool may_enter(const std::string& path) const {
    const auto above = std::find_if(mounts_.rbegin(), mounts_.rend(),
                                    [&](const MountFacts& mount) { return mount.point == path; });
    return above == mounts_.rend() ? path != "/" : is_local_(*above) && above->type != "proc";
  }

  const ProcDirectory& process_;
  const std::vector<MountFacts>& mounts_;
  const IsLocal& is_local_;
  std::vector<Place> way_;
};

}  // namespace

std::optional<struct stat> walk_local(const ProcDirectory& process,
                                      const std::vector<MountFacts>& mounts,
                                      const IsLocal& is_local, const std::string& path) {
  return LocalWalk(process, mounts, is_local).find(path);
}

}  // namespace pstuck
