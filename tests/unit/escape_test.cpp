#include "cli/escape.h"

#include <gtest/gtest.h>

namespace pstuck {
namespace {

TEST(Printable, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(printable("Cache::get(Key const&)"), "Cache::get(Key const&)");
  EXPECT_EQ(printable("grüße 日本 🙂"), "grüße 日本 🙂");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, ShowsControlCharacters) {
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\x1b[31mred\x1b]0;title\x07"), "\\x1b[31mred\\x1b]0;title\\x07");
  EXPECT_EQ(printable(std::string_view("nul\0nul", 7)), "nul\\x00nul");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b") << "CSI as one C1 character";
}

TEST(Printable, KeepsEscapedAndGenuineTextApart) { EXPECT_EQ(printable("\\x1b"), "\\\\x1b"); }

TEST(Printable, ShowsBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
  EXPECT_EQ(printable("a\xe2\x80"), "a\\xe2\\x80") << "cut off";
}

TEST(Printable, ShowsCharactersThatReorderOrHideText) {
  EXPECT_EQ(printable("a\u202eb"), "a\\u{202e}b");
  EXPECT_EQ(printable("a\u2066b\u2069"), "a\\u{2066}b\\u{2069}");
  EXPECT_EQ(printable("a\u200bb"), "a\\u{200b}b");
  EXPECT_EQ(printable("\ufeff"), "\\u{feff}");
  EXPECT_EQ(printable("\U000e0041"), "\\u{e0041}");
}

TEST(Printable, CutsWhatIsTooLong) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcde…");
  EXPECT_EQ(printable("ab\x1b", 5), "ab…") << "an escape is not cut in two";
  EXPECT_LE(columns(printable(std::string(1 << 20, '\x01'))), kWidestText);
}

TEST(Columns, CountsCharacters) {
  EXPECT_EQ(columns(""), 0U);
  EXPECT_EQ(columns("abc…"), 4U);
}

TEST(Markdown, CodeCannotBeLeft) {
  EXPECT_EQ(markdown_code("g_lock"), "`g_lock`");
  EXPECT_EQ(markdown_code("a`b"), "``a`b``");
  EXPECT_EQ(markdown_code("`"), "`` ` ``");
  EXPECT_EQ(markdown_block("x\n```\n"), "````text\nx\n```\n````\n");
}

TEST(ShellWord, QuotesOnlyWhereItMust) {
  EXPECT_EQ(shell_word("core.48213"), "core.48213");
  EXPECT_EQ(shell_word("/tmp/my core"), "'/tmp/my core'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace pstuck
