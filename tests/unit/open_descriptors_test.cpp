// Which processes have a file open: asked of the kernel about this process and children of it.

#include "attach/open_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

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

TEST(OpenDescriptors, WhoStartedLaterIsSeenAndWhoEndedBeforeHeWasAskedForIsNot) {
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
  OpenDescriptors others;
  others.update();
  child.end();
  EXPECT_EQ(users_of(id, others), (Users{{id, kSelf, false, true}}));
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

TEST(OpenDescriptors, ATerminalAndItsMasterAreEachOthersOtherSides) {
  const Descriptor master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(::unlockpt(master.get()), 0);
  const Descriptor terminal(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(terminal.is_open());
  const Descriptor another(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  OpenDescriptors descriptors;
  const auto file_of = [&](const Descriptor& file) {
    return read_open_file(ProcDirectory("/proc/self"), -1, file.get(), descriptors.mounts());
  };
  const auto from_terminal = file_of(terminal);
  const auto from_master = file_of(master);
  ASSERT_TRUE(from_terminal && from_master);
  EXPECT_EQ(from_terminal->other_end, from_master->id);
  EXPECT_EQ(from_master->other_end, from_terminal->id);
  EXPECT_NE(file_of(another)->id, from_master->id) << "though they share an inode";
  descriptors.update();
  EXPECT_EQ(users_of(*from_terminal->other_end, descriptors),
            (Users{{*from_master->id, kSelf, true, true}}));
  EXPECT_EQ(users_of(*from_master->other_end, descriptors),
            (Users{{*from_terminal->id, kSelf, true, true}}));
}

TEST(OpenDescriptors, ANumberInAnEpollSetCanBeAnotherFileByNow) {
  const Descriptor set(::epoll_create1(EPOLL_CLOEXEC));
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Descriptor reader(ends[0]);
  const Descriptor writer(ends[1]);
  const Descriptor kept(::fcntl(reader.get(), F_DUPFD_CLOEXEC, 0));
  epoll_event event{.events = EPOLLIN};
  ASSERT_EQ(::epoll_ctl(set.get(), EPOLL_CTL_ADD, reader.get(), &event), 0);
  Mounts mounts;
  const auto watches = [&] {
    return read_open_file(ProcDirectory("/proc/self"), -1, set.get(), mounts)->watches;
  };
  EXPECT_EQ(watches(), std::vector{ends[0]});
  reader = {};
  EXPECT_EQ(watches(), std::vector{-1});
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
