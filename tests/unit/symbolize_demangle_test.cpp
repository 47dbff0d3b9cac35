#include <gtest/gtest.h>

#include "symbolize/demangle.h"

namespace pstuck {
namespace {

TEST(Demangle, CppKeepsParameters) {
  EXPECT_EQ(demangle("_ZN5Cache3getERK3Key"), "Cache::get(Key const&)");
  EXPECT_EQ(demangle("_ZNSt10lock_guardISt5mutexEC1ERS0_"),
            "std::lock_guard<std::mutex>::lock_guard(std::mutex&)");
}

TEST(Demangle, RustOldAndNew) {
  EXPECT_EQ(demangle("_ZN4core3ptr13drop_in_place17h0123456789abcdefE"),
            "core::ptr::drop_in_place");
  EXPECT_EQ(demangle("_RNvCskwGfYPst2Cb_3foo16example_function"), "foo::example_function");
}

TEST(Demangle, D) { EXPECT_EQ(demangle("_D8demangle4testFZv"), "demangle.test()"); }

// A bare type code demangles too: w is wchar_t, i is int.
TEST(Demangle, PlainCNamesStay) {
  for (const char* name :
       {"w", "i", "main", "_start", "_Data", "_Run", "_DYNAMIC", "_", "", "_Z"}) {
    EXPECT_EQ(demangle(name), name);
  }
}

TEST(Demangle, BrokenNamesStay) {
  EXPECT_EQ(demangle("_ZN5Cache3get"), "_ZN5Cache3get");
  EXPECT_EQ(demangle("_ZN99999999999999999999xE"), "_ZN99999999999999999999xE");
}

// Each level doubles what is printed: two to the power of forty names.
TEST(Demangle, AnExplodingNameStays) {
  std::string name = "_Z1f1PIiiE";
  for (int level = 0; level < 40; ++level) {
    const std::string last =
        level == 0 ? "S0_"
                   : std::string("S") + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[level % 36] + "_";
    name += "S_I" + last + last + "E";
  }
  EXPECT_EQ(demangle(name), name);
}

TEST(Demangle, VeryLongNamesStay) {
  const std::string name = "_Z" + std::string(1 << 20, 'P') + "i";
  EXPECT_EQ(demangle(name), name);
}

TEST(WithoutVersion, CutsBothForms) {
  EXPECT_EQ(without_version("pthread_join@@GLIBC_2.34"), "pthread_join");
  EXPECT_EQ(without_version("pthread_join@GLIBC_2.2.5"), "pthread_join");
  EXPECT_EQ(without_version("pthread_join"), "pthread_join");
  EXPECT_EQ(without_version("@odd"), "@odd");
}

}  // namespace
}  // namespace pstuck
