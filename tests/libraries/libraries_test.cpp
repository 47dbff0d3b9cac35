// Locks of real libraries: what pstuck says of a program that hangs on one.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/integration/subprocess.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

struct LibraryCase {
  std::string program;
  std::string kind;
  std::string type;
  std::string wait;
};

void PrintTo(const LibraryCase& library, std::ostream* out) { *out << library.program; }

std::string path_of(const std::string& program) {
  return PSTUCK_LIBRARY_PROGRAMS "/library_" + program;
}

/// A running program that has said which lock it is about to hang on.
struct Hanging {
  explicit Hanging(const std::string& program) : process({path_of(program)}) {
    std::istringstream line(process.read_line());
    line >> pid >> address;
    EXPECT_EQ(process.read_line(), "ready");
  }

  Subprocess process;
  std::string pid;
  std::string address;
};

/// What pstuck says of it; null when it cannot say anything.
json look_at(const Hanging& hanging, const std::vector<std::string>& options = {}) {
  Command command = {PSTUCK_BINARY, "--format", "json"};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(hanging.pid);
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json report = json::parse(outcome.out, nullptr, false);
  return report.is_object() ? report["targets"][0] : json();
}

/// Looks until the lock is in the report: the program may still be on its way into it.
json find_lock(const Hanging& hanging) {
  json found;
  poll_until([&] {
    const json target = look_at(hanging);
    for (const json& lock : target["resources"]) {
      if (lock["address"] == hanging.address) found = lock;
    }
    return !found.is_null();
  });
  return found;
}

class LibraryLock : public ::testing::TestWithParam<LibraryCase> {};

TEST_P(LibraryLock, IsRecognised) {
  if (!std::filesystem::exists(path_of(GetParam().program))) GTEST_SKIP() << "library not here";
  const Hanging hanging(GetParam().program);
  const json lock = find_lock(hanging);
  const json target = look_at(hanging);
  ASSERT_FALSE(lock.is_null()) << target.dump(1);
  EXPECT_EQ(lock["kind"], GetParam().kind);
  EXPECT_EQ(lock["type"], GetParam().type);
  // None of them records an owner; where the code that took it is visible, it is likely.
  const bool likely = lock["holder"]["evidence"] == "inferred";
  EXPECT_EQ(lock["holder"]["fate"], likely ? "thread" : "not_recorded");
  EXPECT_TRUE(std::ranges::any_of(target["threads"], [&](const json& thread) {
    return thread["wait"].is_object() && thread["wait"]["kind"] == GetParam().wait;
  })) << target["threads"].dump(1);
}

INSTANTIATE_TEST_SUITE_P(
    Libraries, LibraryLock,
    ::testing::Values(
        LibraryCase{"glib_mutex", "library_lock", "GMutex", "lock"},
        LibraryCase{"glib_cond", "condition", "GCond", "notification"},
        LibraryCase{"absl_mutex", "library_lock", "absl::Mutex", "lock"},
        LibraryCase{"absl_reader", "library_lock", "absl::Mutex", "read_lock"},
        LibraryCase{"absl_condvar", "condition", "absl::CondVar", "notification"},
        LibraryCase{"qt_mutex", "library_lock", "QMutex", "lock"},
        LibraryCase{"qt_semaphore", "semaphore", "QSemaphore", "unit"},
        LibraryCase{"qt_condition", "condition", "QWaitCondition", "notification"},
        LibraryCase{"tbb_mutex", "library_lock", "tbb::detail::d1::mutex", "lock"},
        LibraryCase{"openmp_lock", "library_lock", "omp_lock_t", "lock"},
        LibraryCase{"rust_mutex", "library_lock", "std::sync::Mutex", "lock"},
        LibraryCase{"rust_rwlock", "library_lock", "std::sync::RwLock", "read_lock"},
        LibraryCase{"rust_writer", "library_lock", "std::sync::RwLock", "write_lock"},
        LibraryCase{"rust_condvar", "condition", "std::sync::Condvar", "notification"},
        LibraryCase{"parking_lot_mutex", "library_lock", "parking_lot::Mutex", "lock"},
        LibraryCase{"parking_lot_reader", "library_lock", "parking_lot::RwLock", "read_lock"},
        LibraryCase{"parking_lot_writer", "library_lock", "parking_lot::RwLock", "write_lock"},
        LibraryCase{"parking_lot_upgradable", "library_lock", "parking_lot::RwLock", "lock"},
        LibraryCase{"parking_lot_upgrade", "library_lock", "parking_lot::RwLock", "write_lock"}),
    [](const auto& library) { return library.param.program; });

struct PoolCase {
  std::string program;
  std::string reason;
};

void PrintTo(const PoolCase& pool, std::ostream* out) { *out << pool.program; }

class IdlePool : public ::testing::TestWithParam<PoolCase> {};

TEST_P(IdlePool, IsToldWithItsReason) {
  if (!std::filesystem::exists(path_of(GetParam().program))) GTEST_SKIP() << "library not here";
  const Hanging parked(GetParam().program);
  json target;
  const bool is_idle = poll_until([&] {
    target = look_at(parked);
    return std::ranges::any_of(target["others"], [&](const json& group) {
      const json& remark = group["remark"];
      return remark.is_object() && remark["says"] == "idle" &&
             remark["reason"] == GetParam().reason &&
             group["tids"].size() + 1 == target["threads"].size();
    });
  });
  EXPECT_TRUE(is_idle) << target["others"].dump(1);
  EXPECT_TRUE(target["findings"].empty());
}

INSTANTIATE_TEST_SUITE_P(Libraries, IdlePool,
                         ::testing::Values(PoolCase{"glib_pool", "GLib's thread pool"},
                                           PoolCase{"qt_pool", "Qt's thread pool"},
                                           PoolCase{"tbb_pool", "oneTBB's workers"},
                                           PoolCase{"openmp_pool", "OpenMP's pool"},
                                           PoolCase{"asio_pool", "Asio's scheduler"},
                                           PoolCase{"rayon_pool", "Rayon's pool"}),
                         [](const auto& pool) { return pool.param.program; });

// Its locks are pthread's, so the one that a waiter wants has an owner.
TEST(Jemalloc, WaiterForAnArenaSeesTheThreadInItsHook) {
  if (!std::filesystem::exists(path_of("jemalloc_arena"))) GTEST_SKIP() << "no jemalloc here";
  const Hanging hanging("jemalloc_arena");
  json target;
  json wait;
  poll_until([&] {
    target = look_at(hanging);
    for (const json& thread : target["threads"]) {
      if (std::to_string(thread["tid"].get<int>()) == hanging.pid) wait = thread["wait"];
    }
    return wait.is_object();
  });
  ASSERT_TRUE(wait.is_object()) << target.dump(1);
  EXPECT_EQ(wait["kind"], "lock");
  const json& lock = target["resources"][wait["resource"].get<std::size_t>()];
  EXPECT_EQ(lock["kind"], "mutex");
  EXPECT_EQ(lock["holder"]["fate"], "thread");
  EXPECT_EQ(lock["holder"]["evidence"], "recorded");
  const json holder = lock["holder"]["tid"];
  EXPECT_TRUE(std::ranges::any_of(target["threads"], [&](const json& thread) {
    return thread["tid"] == holder &&
           thread["stack"]["frames"].dump().find("hang_in_hook") != std::string::npos;
  })) << target["threads"].dump(1);
}

class RustNobody : public ::testing::TestWithParam<const char*> {};

TEST_P(RustNobody, IsBlamedWhoGaveTheMutexBack) {
  const std::string program = std::string("rust_nobody_") + GetParam();
  if (!std::filesystem::exists(path_of(program))) GTEST_SKIP() << "no rustc here";
  const Hanging hanging(program);
  json target;
  json mutex;
  // main, and the thread that was woken.
  const bool both_wait = poll_until([&] {
    target = look_at(hanging);
    std::size_t waiters = 0;
    for (const json& thread : target["threads"]) {
      if (!thread["wait"].is_object()) continue;
      const json& lock = target["resources"][thread["wait"]["resource"].get<std::size_t>()];
      if (lock["address"] != hanging.address) continue;
      ++waiters;
      mutex = lock;
    }
    return waiters == 2;
  });
  ASSERT_TRUE(both_wait) << target.dump(1);
  EXPECT_TRUE(mutex["partners"].empty()) << mutex.dump(1);
  EXPECT_EQ(mutex["holder"]["fate"], "not_recorded");
  EXPECT_TRUE(target["findings"].empty()) << target["findings"].dump(1);
}

INSTANTIATE_TEST_SUITE_P(Builds, RustNobody, ::testing::Values("O0", "O2", "symbols"),
                         [](const auto& build) { return build.param; });

/// What is said of a program once so many threads wait for locks of its own.
json look_with_lock_file(const Hanging& hanging, const std::string& file, int waiters = 2) {
  json target;
  const auto is_stuck = [&](const json& thread) {
    return thread["wait"].is_object() &&
           target["resources"][thread["wait"]["resource"].get<std::size_t>()]["kind"] ==
               "library_lock";
  };
  poll_until([&] {
    target = look_at(hanging, {"--lock-file", PSTUCK_LIBRARY_SOURCES "/" + file});
    return std::ranges::count_if(target["threads"], is_stuck) == waiters;
  });
  return target;
}

struct OwnLockCase {
  std::string name;
  std::string program;
  std::string file;
  std::string type;
  std::string evidence;
};

void PrintTo(const OwnLockCase& own, std::ostream* out) { *out << own.name; }

class OwnLock : public ::testing::TestWithParam<OwnLockCase> {};

TEST_P(OwnLock, HasAHolder) {
  const Hanging hanging(GetParam().program);
  const json target = look_with_lock_file(hanging, GetParam().file);
  ASSERT_EQ(target["findings"].size(), 1U) << target.dump(1);
  EXPECT_EQ(target["findings"][0]["kind"], "deadlock");
  EXPECT_EQ(target["findings"][0]["evidence"], GetParam().evidence);
  ASSERT_EQ(target["resources"].size(), 2U);
  bool has_it = false;
  for (const json& lock : target["resources"]) {
    EXPECT_EQ(lock["type"], GetParam().type);
    EXPECT_EQ(lock["holder"]["fate"], "thread");
    EXPECT_EQ(lock["owner_gap"], nullptr);
    if (lock["address"] == hanging.address) {
      has_it = true;
      EXPECT_EQ(std::to_string(lock["holder"]["tid"].get<int>()), hanging.pid);
    }
  }
  EXPECT_TRUE(has_it);
}

INSTANTIATE_TEST_SUITE_P(
    LockFile, OwnLock,
    ::testing::Values(
        OwnLockCase{"tid", "own_lock", "own_lock.toml", "OwnLock", "recorded"},
        OwnLockCase{"tid_without_debug_information", "own_lock_undebugged", "own_lock.toml",
                    "OwnLock", "recorded"},
        OwnLockCase{"member", "own_lock", "own_lock_member.toml", "OwnLock", "recorded"},
        OwnLockCase{"member_by_typedef", "own_lock_c", "own_lock_c.toml", "own_lock_t", "recorded"},
        OwnLockCase{"index", "own_lock_index", "own_lock_index.toml", "app::IndexLock", "recorded"},
        OwnLockCase{"index_by_numbers", "own_lock_index", "own_lock_index_numbers.toml",
                    "app::IndexLock", "recorded"},
        OwnLockCase{"functions", "own_lock_ownerless", "own_lock_ownerless.toml", "bare lock",
                    "inferred"}),
    [](const auto& own) { return own.param.name; });

TEST(LockFile, TellsWhereALockWithAnOwnerWasTaken) {
  const Hanging hanging("own_lock_undebugged");
  const json target = look_with_lock_file(hanging, "own_lock.toml");
  for (const json& thread : target["threads"]) {
    ASSERT_EQ(thread["holds"].size(), 1U) << thread.dump(1);
    const json& hold = thread["holds"][0];
    EXPECT_EQ(hold["found_by"], "waited_for");
    ASSERT_TRUE(hold["acquisition"].is_object());
    const auto frame = hold["acquisition"]["frame"].get<std::size_t>();
    EXPECT_EQ(thread["stack"]["frames"][frame]["function"], "take(OwnLock&, OwnLock&)");
  }
}

TEST(LockFile, SaysThatNoDebugInformationHasTheOwner) {
  const Hanging hanging("own_lock_undebugged");
  const json target = look_with_lock_file(hanging, "own_lock_member.toml");
  ASSERT_EQ(target["findings"].size(), 1U) << target.dump(1);
  EXPECT_EQ(target["findings"][0]["kind"], "all_asleep");
  ASSERT_EQ(target["resources"].size(), 2U);
  for (const json& lock : target["resources"]) {
    EXPECT_EQ(lock["holder"]["fate"], "not_recorded");
    ASSERT_TRUE(lock["owner_gap"].is_object());
    EXPECT_EQ(lock["owner_gap"]["kind"], "no_member");
    EXPECT_EQ(lock["owner_gap"]["what"], "OwnLock::state_.owner");
  }
}

TEST(LockFile, DoesNotAccuseAThreadWhoseInnerFunctionGaveTheLockBack) {
  const Hanging hanging("own_lock_given_back");
  const json target = look_with_lock_file(hanging, "own_lock_ownerless.toml", 1);
  EXPECT_TRUE(target["findings"].empty());
  ASSERT_EQ(target["resources"].size(), 1U) << target.dump(1);
  EXPECT_EQ(target["resources"][0]["holder"]["fate"], "not_recorded");
  EXPECT_TRUE(target["resources"][0]["partners"].empty()) << target["resources"][0].dump();
}

TEST(LockFile, WithoutItNothingIsClaimed) {
  const Hanging hanging("own_lock");
  const json target = look_at(hanging);
  EXPECT_TRUE(target["findings"].empty());
  for (const json& lock : target["resources"]) EXPECT_NE(lock["type"], "OwnLock");
}

}  // namespace
}  // namespace pstuck::testing
