// Functions whose effect on locks is known from their names, and from lock files.

#include "symbolize/lock_functions.h"

#include <gtest/gtest.h>

#include "symbolize/machine_code.h"
#include "symbolize/rust_lock_names.h"
#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

using Does = OwnLockFunction::Does;

class LockFunctionNames : public ::testing::Test {
 protected:
  std::optional<CallEffect> effect_of(std::string_view symbol) {
    return LockFunctions(modules_, formulas_, own_).find_named(symbol);
  }

  Formulas formulas_;
  std::vector<OwnLockFunction> own_;

 private:
  Snapshot snapshot_;
  testing::FakeMemory memory_;
  LoadedModules modules_{snapshot_, memory_};
};

TEST_F(LockFunctionNames, OfALockFileTakeAndGiveBack) {
  own_ = {{.name = "app::Lock::lock"},
          {.name = "spare_unlock", .does = Does::kGivesBack, .argument = 2}};
  const auto lock = effect_of("_ZN3app4Lock4lockEv");
  ASSERT_TRUE(lock);
  ASSERT_EQ(lock->takes.size(), 1U);
  EXPECT_EQ(lock->takes[0].lock, Formulas::entry(kRdi));
  EXPECT_EQ(lock->takes[0].family, LockFamily::kLibrary);
  EXPECT_FALSE(lock->tries);
  EXPECT_TRUE(lock->stranger) << "what else it writes is not known";
  const auto unlock = effect_of("spare_unlock@@V1");
  ASSERT_TRUE(unlock);
  EXPECT_TRUE(unlock->takes.empty());
  ASSERT_EQ(unlock->gives_back.size(), 1U);
  EXPECT_EQ(unlock->gives_back[0].lock, Formulas::entry(kRsi));
  EXPECT_FALSE(effect_of("_ZN3app4Lock6unlockEv"));
}

TEST_F(LockFunctionNames, OfALockFileTry) {
  own_ = {{.name = "try_it", .does = Does::kTriesForOther, .shared = true},
          {.name = "try_unit", .does = Does::kTriesForZero, .counts_units = true}};
  const auto reader = effect_of("try_it");
  ASSERT_TRUE(reader && reader->takes.size() == 1);
  EXPECT_TRUE(reader->tries);
  EXPECT_FALSE(reader->taken_if_zero);
  EXPECT_TRUE(reader->takes[0].shared);
  const auto unit = effect_of("try_unit");
  ASSERT_TRUE(unit && unit->takes.size() == 1);
  EXPECT_TRUE(unit->taken_if_zero);
  EXPECT_EQ(unit->takes[0].family, LockFamily::kSemaphore);
}

TEST_F(LockFunctionNames, OfALockFileMayTakeSeveral) {
  own_ = {{.name = "lock_both", .argument = 1},
          {.name = "lock_both", .argument = 3},
          {.name = "lock_both", .argument = 7}};
  const auto both = effect_of("lock_both");
  ASSERT_TRUE(both);
  ASSERT_EQ(both->takes.size(), 2U);
  EXPECT_EQ(both->takes[0].lock, Formulas::entry(kRdi));
  EXPECT_EQ(both->takes[1].lock, Formulas::entry(kRdx));
}

TEST_F(LockFunctionNames, OfClonesTellNothing) {
  own_ = {{.name = "app::Lock::lock"}, {.name = "spare_lock"}};
  for (const std::string_view clone : {"_ZN3app4Lock4lockEv.part.0", "_ZN3app4Lock4lockEv.cold",
                                       "spare_lock.constprop.0", "spare_lock.isra.0"}) {
    EXPECT_FALSE(effect_of(clone)) << clone;
  }
}

TEST_F(LockFunctionNames, OfALockFileComeFirst) {
  own_ = {{.name = "g_mutex_lock", .argument = 2}};
  const auto lock = effect_of("g_mutex_lock");
  ASSERT_TRUE(lock && lock->takes.size() == 1);
  EXPECT_EQ(lock->takes[0].lock, Formulas::entry(kRsi));
}

TEST_F(LockFunctionNames, OfTheKernelsCallWakeOnlyWhoSleepsInAFutex) {
  const auto wake = effect_of("syscall@@GLIBC_2.2.5");
  ASSERT_TRUE(wake && wake->acts.size() == 1 && wake->acts_when.size() == 2);
  EXPECT_EQ(wake->acts[0], std::pair(Formulas::entry(kRsi), Act::kNotifies));
  EXPECT_EQ(wake->acts_when[0], (std::pair{Formulas::entry(kRdi), std::uint64_t{202}}));
  EXPECT_EQ(wake->acts_when[1], (std::pair{Formulas::entry(kRdx), std::uint64_t{1}}));
  EXPECT_TRUE(wake->stranger);
}

TEST_F(LockFunctionNames, OfAFuturesStatusNotifyItsState) {
  for (const std::string_view version : {"", "@@GLIBCXX_3.4.21"}) {
    const auto wake = effect_of("_ZNSt28__atomic_futex_unsigned_base19_M_futex_notify_allEPj" +
                                std::string(version));
    ASSERT_TRUE(wake && wake->acts.size() == 1);
    EXPECT_EQ(wake->acts[0].first + 16, Formulas::entry(kRdi));
    EXPECT_EQ(wake->acts[0].second, Act::kNotifies);
  }
}

TEST_F(LockFunctionNames, OfAFileTakeTheLockOfEitherLibc) {
  const auto lock = effect_of("flockfile");
  ASSERT_TRUE(lock && lock->takes.size() == 2);
  EXPECT_EQ(lock->takes[0].lock, formulas_.load(Formulas::entry(kRdi) + 0x88));
  EXPECT_EQ(lock->takes[1].lock, Formulas::entry(kRdi) + 140);
  const auto unlock = effect_of("funlockfile");
  ASSERT_TRUE(unlock);
  EXPECT_EQ(unlock->gives_back.size(), 2U);
}

class RustFunctionNames : public LockFunctionNames {
 protected:
  /// "takes", "reads", "gives back"; empty for a function that does nothing to a lock.
  std::string deed(std::string_view symbol) {
    const auto effect = effect_of(symbol);
    if (!effect) return "";
    if (!effect->takes.empty()) return effect->takes[0].shared ? "reads" : "takes";
    return effect->gives_back.empty() ? "" : "gives back";
  }
};

TEST_F(RustFunctionNames, AreKnownInTheirPlacesAndManglings) {
  EXPECT_EQ(deed("_ZN3std3sys4unix5locks5futex5Mutex14lock_contended17h90dd70654eadd9feE"),
            "takes");
  EXPECT_EQ(deed("_ZN3std3sys4unix5locks11futex_mutex5Mutex14lock_contended17h90dd70654eadd9feE"),
            "takes");
  EXPECT_EQ(deed("_ZN3std3sys4sync5mutex5futex5Mutex6unlock17h85bda81886f8c698E"), "gives back");
  EXPECT_EQ(deed("_RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended"),
            "takes");
  EXPECT_EQ(deed("_RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync5mutex5futexNtB2_5Mutex4wake"),
            "gives back");
  EXPECT_EQ(deed("_ZN3std3sys4unix5locks12futex_rwlock6RwLock14read_contended17h7668fdbce2db9055E"),
            "reads");
}

TEST(RustLocking, ComesBackWithTheLock) {
  for (const char* symbol : {
           "_ZN3std4sync5mutex14Mutex$LT$T$GT$4lock17h48662f32a2856657E",
           "_ZN3std4sync6poison5mutex14Mutex$LT$T$GT$4lock17h148e0190aa809e3cE",
           "_ZN3std4sync6rwlock15RwLock$LT$T$GT$5write17h148e0190aa809e3cE",
           "_RNvMs5_NtNtNtCsjrHSEGnQ3l9_3std4sync6poison5mutexINtB5_5MutexlE4lockB9_",
           "_RNvMs5_NtNtNtCsjrHSEGnQ3l9_3std4sync6poison5mutexINtB5_5MutexyE4lockCs1XWRTT18Tdw_"
           "3app",
           "_RNvMs5_NtNtNtCsjrHSEGnQ3l9_3std4sync6poison5mutexINtB5_5MutexINtNtCslNYArtu3iFV_"
           "5alloc3"
           "vec3VechEE4lockBb_",
       }) {
    EXPECT_TRUE(is_rust_locking(symbol)) << symbol;
  }
  for (const char* symbol : {
           "_ZN3std4sync5mutex14Mutex$LT$T$GT$8try_lock17h48662f32a2856657E",
           "_ZN3std4sync5mutex14Mutex$LT$T$GT$3new17h48662f32a2856657E",
           "_ZN3app4sync5mutex14Mutex$LT$T$GT$4lock17h48662f32a2856657E",
           "_RNCNvMs5_NtNtNtCsjrHSEGnQ3l9_3std4sync6poison5mutexINtB5_5MutexlE8try_lock0B9_",
       }) {
    EXPECT_FALSE(is_rust_locking(symbol)) << symbol;
  }
}

TEST_F(RustFunctionNames, AreNotThoseOfOtherFunctions) {
  EXPECT_EQ(deed("_ZN3std3sys4unix5locks5futex5Mutex4lock28_$u7b$$u7b$closure$u7d$$u7d$17h0E"), "");
  EXPECT_EQ(deed("_ZN3std3sys4unix5locks5futex7Condvar4wait17h90dd70654eadd9feE"), "");
  EXPECT_EQ(deed("_ZN3app3sys5futex5Mutex4lock17h90dd70654eadd9feE"), "");
  EXPECT_EQ(deed("_ZN3std3sys4unix5mutex5Mutex4lock17h90dd70654eadd9feE"), "")
      << "a pthread_mutex_t inside";
  EXPECT_EQ(deed("_ZN3std3sys"), "");
}

}  // namespace
}  // namespace pstuck
