#include "symbolize/machine_code.h"

#include <gtest/gtest.h>

#include "tests/support/snapshot_builder.h"

namespace pstuck {
namespace {

class Decoding : public ::testing::Test {
 protected:
  std::optional<FunctionCode> decode(std::initializer_list<unsigned> code) {
    std::vector<std::byte> bytes;
    for (const unsigned byte : code) bytes.push_back(static_cast<std::byte>(byte));
    const Address start{0x1000};
    return machine_code_.decode_bytes({start, start + bytes.size()}, bytes);
  }
  Instruction first(std::initializer_list<unsigned> code) {
    const auto function = decode(code);
    return function ? function->instructions.at(0) : Instruction{};
  }

 private:
  Snapshot snapshot_;
  testing::FakeMemory memory_;
  LoadedModules modules_{snapshot_, memory_};
  FunctionRanges ranges_{modules_, memory_};
  MachineCode machine_code_{ranges_, memory_};
};

TEST_F(Decoding, MovesToMemory) {
  const Instruction move = first({0x48, 0x89, 0x7d, 0xe8});  // mov %rdi,-0x18(%rbp)
  EXPECT_EQ(move.operation, Operation::kMove);
  EXPECT_EQ(move.to.kind, Operand::Kind::kMemory);
  EXPECT_EQ(move.to.base, kRbp);
  EXPECT_EQ(move.to.number, -0x18);
  EXPECT_EQ(move.from.base, kRdi);
  EXPECT_EQ(move.from.size, 8);
}

TEST_F(Decoding, ResolvesPlacesThatCountFromTheInstruction) {
  // lea 0x100(%rip),%rdi
  const Instruction load = first({0x48, 0x8d, 0x3d, 0x00, 0x01, 0x00, 0x00});
  EXPECT_EQ(load.operation, Operation::kLoadAddress);
  EXPECT_EQ(load.from.base, kNoRegister);
  EXPECT_EQ(load.from.number, 0x1107);
}

TEST_F(Decoding, KnowsTheThreadPointer) {
  // mov %fs:0x0,%rdi
  const Instruction move = first({0x64, 0x48, 0x8b, 0x3c, 0x25, 0x00, 0x00, 0x00, 0x00});
  EXPECT_TRUE(move.from.thread_relative);
  EXPECT_EQ(move.from.number, 0);
}

TEST_F(Decoding, KnowsExchangesWithMemory) {
  const Instruction trial = first({0xf0, 0x0f, 0xb1, 0x4b, 0x08});  // lock cmpxchg %ecx,0x8(%rbx)
  EXPECT_EQ(trial.operation, Operation::kCompareExchange);
  EXPECT_EQ(trial.to.base, kRbx);
  EXPECT_EQ(trial.to.number, 8);
  EXPECT_EQ(trial.from.base, kRcx);
  EXPECT_EQ(trial.from.size, 4);
  EXPECT_TRUE(trial.writes_flags);
  EXPECT_TRUE((trial.written >> kRax & 1) != 0);
  const Instruction exchange = first({0x87, 0x03});  // xchg %eax,(%rbx)
  EXPECT_EQ(exchange.operation, Operation::kExchange);
  EXPECT_EQ(exchange.to.kind, Operand::Kind::kMemory);
  EXPECT_EQ(exchange.to.base, kRbx);
  EXPECT_EQ(exchange.from.base, kRax);
  EXPECT_TRUE((exchange.written >> kRax & 1) != 0);
  EXPECT_EQ(first({0x48, 0x87, 0xd8}).operation, Operation::kOther);  // xchg %rbx,%rax
  const Instruction sum = first({0xf0, 0x0f, 0xc1, 0x0b});            // lock xadd %ecx,(%rbx)
  EXPECT_EQ(sum.operation, Operation::kFetchAdd);
  EXPECT_EQ(sum.to.base, kRbx);
  EXPECT_EQ(sum.from.base, kRcx);
  EXPECT_TRUE((sum.written >> kRcx & 1) != 0);
}

TEST_F(Decoding, ReadsIndexesAndFactors) {
  const Instruction sum = first({0x48, 0x8d, 0x14, 0x80});  // lea (%rax,%rax,4),%rdx
  EXPECT_EQ(sum.from.index, kRax);
  EXPECT_EQ(sum.from.scale, 4);
  EXPECT_EQ(first({0x48, 0xc1, 0xe2, 0x03}).factor, 8U);         // shl $3,%rdx
  EXPECT_EQ(first({0x48, 0x6b, 0xca, 0x28}).factor, 40U);        // imul $40,%rdx,%rcx
  EXPECT_EQ(first({0x48, 0x98}).operation, Operation::kExtend);  // cdqe
}

TEST_F(Decoding, FindsTargets) {
  const Instruction call = first({0xe8, 0x1b, 0x00, 0x00, 0x00});  // call
  EXPECT_EQ(call.operation, Operation::kCall);
  EXPECT_EQ(call.target, Address{0x1020});
  const Instruction indirect = first({0xff, 0x15, 0x00, 0x02, 0x00, 0x00});  // call *0x200(%rip)
  EXPECT_EQ(indirect.operation, Operation::kCall);
  EXPECT_FALSE(indirect.target);
  EXPECT_EQ(indirect.to.number, 0x1206);
  EXPECT_EQ(first({0x74, 0x04}).operation, Operation::kJumpIfZero);
  EXPECT_EQ(first({0x7f, 0x04}).operation, Operation::kJumpIf);
}

TEST_F(Decoding, KnowsWhatAnInstructionChanges) {
  const Instruction other = first({0x0f, 0xaf, 0xc3});  // imul %ebx,%eax
  EXPECT_EQ(other.operation, Operation::kOther);
  EXPECT_EQ(other.written, 1U << kRax);
  EXPECT_TRUE(other.writes_flags);
}

TEST_F(Decoding, DoesNotTakeFlagsAndVectorsForRegisters) {
  EXPECT_EQ(first({0x48, 0x39, 0xd8}).written, 0) << "cmp %rbx,%rax";
  const Instruction vector = first({0x0f, 0x11, 0x04, 0x24});  // movups %xmm0,(%rsp)
  EXPECT_EQ(vector.written, 0);
  EXPECT_EQ(vector.to.size, 16);
}

TEST_F(Decoding, GivesUpWhereItCannotRead) {
  EXPECT_FALSE(decode({0x90, 0x06}));        // no instruction in 64-bit code
  EXPECT_FALSE(decode({0x90, 0xe8, 0x1b}));  // cut off
}

TEST_F(Decoding, FindsInstructionsByAddress) {
  const auto code = decode({0x55, 0x48, 0x89, 0xe5, 0xc3});
  ASSERT_TRUE(code);
  EXPECT_EQ(code->find({0x1001}), 1U);
  EXPECT_EQ(code->find({0x1002}), std::nullopt);
  EXPECT_EQ(code->find({0x1005}), std::nullopt);
}

}  // namespace
}  // namespace pstuck
