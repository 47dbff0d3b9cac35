#include "symbolize/code_unwind.h"

#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

// The caller of a frame without an unwind table, by its machine code.

namespace pstuck {
namespace {

constexpr Address kCode{0x10000};
constexpr Address kCaller{0x10100};
constexpr Address kReturn = kCaller + 5;
constexpr Address kSp{0x700000};

class CodeUnwindTest : public ::testing::Test {
 protected:
  CodeUnwindTest() {
    snapshot_.mappings = {{.start = {0x10000}, .end = {0x11000}, .executable = true}};
    memory_.put_zeros({{0x10000}, {0x11000}});
    // push %rbp; push %rbx; mov %rdi, %rbx; sub $0x18, %rsp; syscall
    memory_.put(kCode, {0x55, 0x53, 0x48, 0x89, 0xfb, 0x48, 0x83, 0xec, 0x18, 0x0f, 0x05});
    memory_.put(kCaller, {0xe8, 0xfb, 0xfe, 0xff, 0xff});  // call kCode
    put_stack({1, 2, 3, 0xbb, 0xb0, kReturn.value, 7});
  }

  void put_stack(const std::vector<std::uint64_t>& words) {
    memory_.put(kSp, std::as_bytes(std::span(words)));
  }

  std::optional<CallerFrame> find(Address pc = kCode + 11) {
    LoadedModules modules(snapshot_, memory_);
    CodeUnwinder unwinder(modules, memory_);
    Frame frame{.pc = CodeAddress::instruction(pc), .sp = kSp};
    frame.callee_saved = {0x1b, 0x1a, 0x12, 0x13, 0x14, std::nullopt};
    return unwinder.find_caller(frame);
  }

  Snapshot snapshot_;
  testing::FakeMemory memory_;
};

TEST_F(CodeUnwindTest, TheStackIsWhereTheCodeHasMovedIt) {
  const auto caller = find();
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->is_root);
  EXPECT_EQ(caller->return_address, kReturn);
  EXPECT_EQ(caller->sp, kSp + 6 * 8);
  const std::array<std::optional<std::uint64_t>, 6> saved = {0xbb, 0xb0, 0x12,
                                                             0x13, 0x14, std::nullopt};
  EXPECT_EQ(caller->callee_saved, saved);
}

TEST_F(CodeUnwindTest, AnOldReturnAddressIsPassedOver) {
  put_stack({1, kReturn.value, 3, 0xbb, kReturn.value, kReturn.value, kReturn.value});
  const auto caller = find();
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->sp, kSp + 6 * 8);
  put_stack({1, kReturn.value, 3, 0xbb, kReturn.value, 9, kReturn.value});
  EXPECT_FALSE(find());
}

TEST_F(CodeUnwindTest, ATailCallIsFollowed) {
  memory_.put({0x10200}, {0x31, 0xf6, 0xe9, 0xf9, 0xfd, 0xff, 0xff});  // xor %esi, %esi; jmp kCode
  memory_.put(kCaller, {0xe8, 0xfb, 0x00, 0x00, 0x00});                // call 0x10200
  const auto caller = find();
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->return_address, kReturn);
}

TEST_F(CodeUnwindTest, ACallThatLeadsElsewhereIsNone) {
  memory_.put({0x10200}, {0xc3});
  memory_.put(kCaller, {0xe8, 0xfb, 0x00, 0x00, 0x00});
  EXPECT_FALSE(find());
}

TEST_F(CodeUnwindTest, ARegisterThatWasChangedButNotSavedIsLost) {
  // push %rbp; nop; mov %rdi, %rbx; sub $0x18, %rsp; syscall
  memory_.put(kCode, {0x55, 0x90, 0x48, 0x89, 0xfb, 0x48, 0x83, 0xec, 0x18, 0x0f, 0x05});
  put_stack({1, 2, 3, 0xb0, kReturn.value});
  const auto caller = find();
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->callee_saved[0], std::nullopt);
  EXPECT_EQ(caller->callee_saved[1], 0xb0U);
}

TEST_F(CodeUnwindTest, AStackPointerThatTheCodeDoesNotTellIsNone) {
  // push %rbp; push %rbx; and $-16, %rsp; nop × 3; syscall
  memory_.put(kCode, {0x55, 0x53, 0x48, 0x83, 0xe4, 0xf0, 0x90, 0x90, 0x90, 0x0f, 0x05});
  EXPECT_FALSE(find());
}

TEST_F(CodeUnwindTest, WaysThatDisagreeAboutTheStackAreNone) {
  // je over the push: push %rbx is only on one of two ways
  memory_.put(kCode, {0x55, 0x74, 0x01, 0x53, 0x90, 0x48, 0x83, 0xec, 0x18, 0x0f, 0x05});
  EXPECT_FALSE(find());
}

TEST_F(CodeUnwindTest, AThreadBeginsInClone) {
  // call *%r9; mov %eax, %edi; xor %eax, %eax; mov $60, %al; syscall
  memory_.put(kCaller,
              {0x90, 0x90, 0x41, 0xff, 0xd1, 0x89, 0xc7, 0x31, 0xc0, 0xb0, 0x3c, 0x0f, 0x05});
  const auto caller = find();
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->is_root);
  put_stack({1, 2, 3, 0xbb, 0xb0, 8, kReturn.value});
  EXPECT_FALSE(find()) << "some frame between them";
}

TEST_F(CodeUnwindTest, ASignalsTrampolineLeadsToWhatWasInterrupted) {
  memory_.put(kCode, {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05});
  std::vector<std::uint64_t> context(23);
  context[9] = 0x12;                 // r12
  context[15] = 0xb0;                // rbp
  context[16] = 0xbb;                // rbx
  context[20] = 0x7fff0000;          // rsp
  context[21] = kCode.value + 0x40;  // rip
  put_stack(context);
  const auto caller = find(kCode);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->interrupted);
  EXPECT_EQ(caller->return_address, kCode + 0x40);
  EXPECT_EQ(caller->sp, Address{0x7fff0000});
  EXPECT_EQ(caller->callee_saved[0], 0xbbU);
  EXPECT_EQ(caller->callee_saved[1], 0xb0U);
  EXPECT_EQ(caller->callee_saved[2], 0x12U);
}

TEST_F(CodeUnwindTest, CodeWithoutEndAndStacksWithoutEndAreBounded) {
  memory_.put_zeros({kSp, kSp + 0x100000});
  put_stack(std::vector<std::uint64_t>(4096, kReturn.value));
  memory_.put(kCode, {0xeb, 0xfe});  // jmp to itself
  EXPECT_FALSE(find());
  memory_.put(kCode, {0x53, 0xeb, 0xfd});  // push %rbx for ever
  EXPECT_FALSE(find());
}

}  // namespace
}  // namespace pstuck
