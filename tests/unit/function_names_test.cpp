#include "cli/function_names.h"

#include <gtest/gtest.h>

#include "cli/escape.h"

namespace pstuck {
namespace {

constexpr std::size_t kWide = 200;

TEST(BareFunction, KeepsTheNameAlone) {
  EXPECT_EQ(bare_function("Cache::get(Key const&)", kWide), "Cache::get");
  EXPECT_EQ(bare_function("Cache::size() const", kWide), "Cache::size");
  EXPECT_EQ(bare_function("main", kWide), "main");
  EXPECT_EQ(bare_function("void visit<int>(int)", kWide), "visit<int>");
  EXPECT_EQ(bare_function("std::vector<int, A> make<int>(int) [clone .cold]", kWide), "make<int>");
  EXPECT_EQ(bare_function("Cache::get[abi:cxx11](int)", kWide), "Cache::get");
  EXPECT_EQ(bare_function("", kWide), "");
}

TEST(BareFunction, KnowsNamesThatLookLikeBrackets) {
  EXPECT_EQ(bare_function("std::ostream& operator<< <char>(std::ostream&, char)", kWide),
            "operator<< <char>");
  EXPECT_EQ(bare_function("Task::operator()() const", kWide), "Task::operator()");
  EXPECT_EQ(bare_function("Task::operator()", kWide), "Task::operator()");
  EXPECT_EQ(bare_function("Box::operator bool() const", kWide), "Box::operator bool");
  EXPECT_EQ(bare_function("bool operator<(Key const&, Key const&)", kWide), "operator<");
  EXPECT_EQ(bare_function("Ptr<int>::operator->() const", kWide), "Ptr<int>::operator->");
  EXPECT_EQ(bare_function("(anonymous namespace)::serve(int)", kWide),
            "(anonymous namespace)::serve");
  EXPECT_EQ(bare_function("run()::{lambda(int)#1}::operator()(int) const", kWide),
            "run()::{lambda(int)#1}::operator()");
  EXPECT_EQ(bare_function("Pool::run() const::{lambda()#1}::operator()() const", kWide),
            "Pool::run() const::{lambda()#1}::operator()");
  EXPECT_EQ(bare_function("core::call<fn() -> i32>", kWide), "core::call<fn() -> i32>");
  EXPECT_EQ(bare_function("cooperator(int)", kWide), "cooperator");
}

TEST(FittedFunction, GivesUpTheLeastTellingPartsFirst) {
  const std::string name = "Cache<Key, Value>::get(Key const&)";
  EXPECT_EQ(fitted_function(name, 40), name);
  EXPECT_EQ(fitted_function(name, 30), "Cache<…>::get(Key const&)");
  EXPECT_EQ(fitted_function(name, 20), "Cache<…>::get(…)");
  EXPECT_EQ(columns(fitted_function(name, 10)), 10U);
}

TEST(FittedFunction, StaysWithinItsWidthForAnyText) {
  for (const std::string_view hostile :
       {"<<<<<", ")))", "a(b<c)>", "operator", "\xff\xfe\x1b[2J", "f(((((((((((((((((((((((("}) {
    EXPECT_LE(columns(fitted_function(hostile, 12)), 12U) << hostile;
    EXPECT_LE(columns(bare_function(hostile, 12)), 12U) << hostile;
  }
  const std::string endless(1 << 20, '<');
  EXPECT_LE(columns(fitted_function(endless, 40)), 40U);
}

TEST(WithoutMiddle, KeepsBothEndsAndWholeCharacters) {
  EXPECT_EQ(without_middle("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(without_middle("abcdefghij", 7), "abc…hij");
  EXPECT_EQ(without_middle("ääääääääää", 5), "ää…ää");
}

}  // namespace
}  // namespace pstuck
