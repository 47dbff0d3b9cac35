#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "symbolize/modules.h"
#include "symbolize/symbol_names.h"

namespace pstuck {
namespace {

/// The name shown, whatever order the symbol table has.
std::string_view best(std::vector<SymbolRank> names) {
  const auto by_name = [](const SymbolRank& a, const SymbolRank& b) { return a.name < b.name; };
  std::ranges::sort(names, by_name);
  std::string_view shown;
  do {
    const auto found = std::ranges::min_element(names, is_better_name)->name;
    EXPECT_TRUE(shown.empty() || shown == found);
    shown = found;
  } while (std::ranges::next_permutation(names, by_name).found);
  return shown;
}

TEST(SymbolNames, TheNameThatPeopleCall) {
  EXPECT_EQ(best({{"__GI___read", true}, {"__read"}, {"read", false, true}}), "read");
  EXPECT_EQ(best({{"___pthread_mutex_lock", true},
                  {"__pthread_mutex_lock@GLIBC_2.2.5"},
                  {"pthread_mutex_lock@@GLIBC_2.2.5"}}),
            "pthread_mutex_lock@@GLIBC_2.2.5");
  EXPECT_EQ(best({{"folded", true}, {"exported"}}), "exported");
  EXPECT_EQ(best({{"_ZN1A1fEv"}, {"__alias"}}), "_ZN1A1fEv");
}

TEST(ModuleNames, TheCLibraryAndNothingElse) {
  for (const char* name : {"libc.so.6", "libc-2.31.so", "libpthread.so.0", "libpthread-2.31.so",
                           "ld-linux-x86-64.so.2", "ld-2.31.so", "ld-musl-x86_64.so.1"}) {
    EXPECT_TRUE(is_c_library_name(name)) << name;
  }
  for (const char* name : {"libcurl.so.4", "libc++.so.1", "libcrypto.so.3", "ld", "app", ""}) {
    EXPECT_FALSE(is_c_library_name(name)) << name;
  }
  EXPECT_EQ(base_name_of("/usr/lib/libc.so.6"), "libc.so.6");
  EXPECT_EQ(base_name_of("[vdso]"), "[vdso]");
}

}  // namespace
}  // namespace pstuck
