// Which processes have a file open: asked of the kernel about this process and children of it.

#include "attach/open_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "attach/open_files.h"

namespace pstuck {
namespace {

const Tid kSelf{::getpid()};

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }

  void close_end(std::size_t end) {
    if (ends_.at(end) >= 0) ::close(ends_.at(end));
    ends_.at(end) = -1;
  }
  [[nodiscard]] FileId id() const {
    struct stat facts {};
    EXPECT_EQ(::fstat(ends_[0], &facts), 0);
    return {0, facts.st_ino};
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

/// Has what this process has open, and ends with it.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) ::pause();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  [[nodiscard]] Tid pid() const { return {pid_}; }
  void end() {
    if (!has_ended_) ::kill(pid_, SIGKILL);
    if (!has_ended_) ::waitpid(pid_, nullptr, 0);
    has_ended_ = true;
  }

 private:
  pid_t pid_;
  bool has_ended_ = false;
};

using Users = std::vector<FileUser>;

Users users_of(FileId file, OpenDescriptors& descriptors) {
  KernelFacts facts;
  descriptors.add_users(file, facts);
  std::ranges::sort(facts.users);
  return facts.users;
}

TEST(OpenDescriptors, EveryEndOfAPipeIsSomebodys) {
  const Pipe pipe;
  const FileId id = pipe.id();
  OpenDescriptors descriptors;
  EXPECT_EQ(users_of(id, descriptors), Users{}) << "nothing was read yet";
  descriptors.update();
  EXPECT_EQ(users_of(id, descriptors), (Users{{id, kSelf, false, true}, {id, kSelf, true, false}}));
}

TEST(OpenDescriptors, WhoStartedLaterIsSeenAndWhoClosedIsNot) {
  Pipe pipe;
  const FileId id = pipe.id();
  OpenDescriptors descriptors;
  descriptors.update();
  pipe.close_end(0);
  Child child;
  descriptors.update();
  EXPECT_EQ(users_of(id, descriptors),
            (Users{{id, kSelf, false, true}, {id, child.pid(), false, true}}));
  EXPECT_EQ(descriptors.find_children(kSelf), std::vector<Tid>{child.pid()});
  child.end();
  EXPECT_EQ(users_of(id, descriptors), (Users{{id, kSelf, false, true}}));
  EXPECT_EQ(descriptors.find_children(kSelf), std::vector<Tid>{});
}

TEST(OpenDescriptors, LocksAreThoseOfWhoHasThemThroughADescriptor) {
  const Descriptor file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.is_open());
  ASSERT_EQ(::flock(file.get(), LOCK_EX), 0);
  OpenDescriptors descriptors;
  const auto look =
      look_at_descriptor(ProcDirectory("/proc/self"), file.get(), descriptors.mounts());
  ASSERT_TRUE(look && look->id);
  descriptors.update();
  KernelFacts facts;
  descriptors.add_users(*look->id, facts);
  EXPECT_EQ(facts.users, (Users{{*look->id, kSelf, true, true}}));
  ASSERT_EQ(facts.locks.size(), 1U);
  EXPECT_EQ(facts.locks[0].process, kSelf);
  EXPECT_EQ(facts.locks[0].kind, FileLockKind::kFlock);
  EXPECT_TRUE(facts.locks[0].exclusive);
}

TEST(OpenDescriptors, OnlyPipesAndSocketsAreKnownByTheirNames) {
  EXPECT_EQ(nameless_file_id("pipe:[123]"), (FileId{0, 123}));
  EXPECT_EQ(nameless_file_id("socket:[4294967295]"), (FileId{0, 4294967295}));
  for (const char* name :
       {"", "/tmp/x", "anon_inode:[eventfd]", "pipe:[", "pipe:[]", "socket:[x"}) {
    EXPECT_EQ(nameless_file_id(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace pstuck
