#include "symbolize/object_class.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/snapshot_builder.h"

// From an address on the heap to the class of its object:
//
//     0x400000  code    0x410000  tables and names of the program's classes    0x420000  writable
//     0x600000  heap    0x700000  code and tables of the C++ library

namespace pstuck {
namespace {

constexpr Address kCode{0x400100};
constexpr Address kTables{0x410000};
constexpr Address kHeap{0x600000};
constexpr Address kHeapEnd{0x602000};
constexpr Address kLibraryTables{0x710000};
constexpr std::uint64_t kInUse = 1;

class ObjectClassTest : public ::testing::Test {
 protected:
  ObjectClassTest() {
    add_mapping({0x400000}, {0x410000}, "/usr/bin/app", 'x');
    add_mapping(kTables, {0x420000}, "/usr/bin/app", 'r');
    add_mapping({0x420000}, {0x430000}, "/usr/bin/app", 'w');
    add_mapping(kHeap, kHeapEnd, "[heap]", 'w');
    add_mapping({0x700000}, kLibraryTables, "/usr/lib/libstdc++.so.6", 'x');
    add_mapping(kLibraryTables, {0x720000}, "/usr/lib/libstdc++.so.6", 'r');
    snapshot_.modules = {
        {.start = {0x400000}, .end = {0x430000}, .path = "/usr/bin/app"},
        {.start = {0x700000}, .end = {0x720000}, .path = "/usr/lib/libstdc++.so.6"}};
    bytes_.resize(kHeapEnd - kHeap);
    next_table_ = kLibraryTables;
    class_type_ = add_class("N10__cxxabiv117__class_type_infoE");
    next_table_ = kTables;
  }

  void add_mapping(Address start, Address end, const char* path, char permission) {
    snapshot_.mappings.push_back({.start = start,
                                  .end = end,
                                  .readable = true,
                                  .writable = permission == 'w',
                                  .executable = permission == 'x',
                                  .path = path});
  }

  /// Writes a virtual table, its type_info and the name; returns what objects point to.
  Address add_class(const std::string& mangled, std::uint64_t offset_to_top = 0) {
    const Address at = next_table_;
    next_table_ = next_table_ + 0x1000;
    const Address type_info = at + 0x100;
    const Address name = at + 0x200;
    memory_.put_object(at,
                       std::array<std::uint64_t, 3>{offset_to_top, type_info.value, kCode.value});
    memory_.put_object(type_info, std::array<std::uint64_t, 2>{class_type_.value, name.value});
    memory_.put(name, std::as_bytes(std::span(mangled.c_str(), mangled.size() + 1)));
    return at + 16;
  }

  void put(Address at, std::uint64_t word) {
    std::memcpy(bytes_.data() + (at - kHeap), &word, sizeof(word));
  }

  /// A block of malloc in use, and the two after it. Returns where the object in it begins.
  Address add_block(Address chunk, std::uint64_t size, Address table) {
    put(chunk + 8, size | kInUse);
    put(chunk + size + 8, 0x40 | kInUse);
    put(chunk + size + 0x48, (kHeapEnd - chunk - size - 0x40) | kInUse);
    put(chunk + 16, table.value);
    return chunk + 16;
  }

  std::string find(Address at) {
    memory_.put(kHeap, bytes_);
    LoadedModules modules(snapshot_, memory_);
    FunctionRanges ranges(modules, memory_);
    const auto found = ObjectClasses(snapshot_, modules, memory_, ranges).find(at);
    is_whole_ = found && found->is_whole;
    return found ? fmt::format("{}+{:#x}", found->class_name, at - found->start) : "";
  }

  Snapshot snapshot_;
  testing::FakeMemory memory_;
  std::vector<std::byte> bytes_;  // of the heap
  Address next_table_;
  Address class_type_;
  bool is_whole_ = false;  ///< the object found last
};

TEST_F(ObjectClassTest, TheBlockBeginsWithTheTable) {
  const Address object = add_block(kHeap + 0x200, 0x90, add_class("9OrderBook"));
  EXPECT_EQ(find(object + 0x28), "OrderBook+0x28");
  EXPECT_EQ(find(object + 0x84), "OrderBook+0x84");
  EXPECT_EQ(find(object + 0x88), "") << "of the next block";
  EXPECT_EQ(find(object - 8), "");
}

TEST_F(ObjectClassTest, NamesOfAllKinds) {
  const auto name = [&](const char* mangled) {
    return find(add_block(kHeap + 0x200, 0x90, add_class(mangled)) + 0x28);
  };
  EXPECT_EQ(name("N7trading9OrderBookE"), "trading::OrderBook+0x28");
  EXPECT_EQ(name("*N12_GLOBAL__N_19OrderBookE"), "(anonymous namespace)::OrderBook+0x28");
  EXPECT_EQ(name("5TableIiE"), "Table<int>+0x28");
  EXPECT_EQ(name("9Order\x01ook"), "");
  EXPECT_EQ(name("Order book"), "");
  EXPECT_EQ(name(""), "");
  EXPECT_EQ(name("N10__cxxabiv117__class_type_infoE"), "");
  EXPECT_EQ(name("NSt13basic_ofstreamIcSt11char_traitsIcEEE"), "") << "could be a member";
}

TEST_F(ObjectClassTest, AMembersTableIsNotTheObjects) {
  const Address object = add_block(kHeap + 0x200, 0x90, add_class("6Engine"));
  put(object + 0x10, add_class("3Log").value);
  EXPECT_EQ(find(object + 0x28), "Engine+0x28");
  put(object, 7);
  EXPECT_EQ(find(object + 0x28), "") << "the whole object has no table";
}

TEST_F(ObjectClassTest, AnotherBlocksTableIsNotTheObjects) {
  add_block(kHeap + 0x200, 0x40, add_class("3Log"));
  const Address plain = add_block(kHeap + 0x240, 0x50, {});
  EXPECT_EQ(find(plain + 0x10), "");
}

TEST_F(ObjectClassTest, ElementsOfAnArray) {
  const Address table = add_class("5Shard");
  const Address object = add_block(kHeap + 0x200, 0x190, table);
  for (std::uint64_t i = 1; i < 4; ++i) put(object + i * 0x60, table.value);
  EXPECT_EQ(find(object + 0x28), "Shard+0x28");
  EXPECT_EQ(find(object + 3 * 0x60 + 0x28), "Shard+0x28");
  put(object + 2 * 0x60 + 0x10, table.value);
  EXPECT_EQ(find(object + 3 * 0x60 + 0x28), "") << "not at equal distances";
}

TEST_F(ObjectClassTest, WhatMakeSharedMade) {
  const auto name = [&](const char* mangled, std::uint64_t offset) {
    return find(add_block(kHeap + 0x200, 0x90, add_class(mangled)) + offset);
  };
  const char* const shared =
      "St23_Sp_counted_ptr_inplaceI7SessionSaIvELN9__gnu_cxx12_Lock_policyE2EE";
  EXPECT_EQ(name(shared, 0x38), "Session+0x28");
  EXPECT_EQ(name(shared, 0x8), "") << "the counts";
  EXPECT_EQ(
      name("St23_Sp_counted_ptr_inplaceI5TableIiSaIiEESaIvELN9__gnu_cxx12_Lock_policyE2EE", 0x38),
      "Table<int, std::allocator<int> >+0x28");
  EXPECT_EQ(name("NSt3__120__shared_ptr_emplaceI7SessionNS_9allocatorIS1_EEEE", 0x38),
            "Session+0x20");
  EXPECT_EQ(name("St23_Sp_counted_ptr_inplaceISt5mutexSaIvELN9__gnu_cxx12_Lock_policyE2EE", 0x10),
            "");
  EXPECT_EQ(name("St23_Sp_counted_ptr_inplaceI7Session4PoolLN9__gnu_cxx12_Lock_policyE2EE", 0x38),
            "")
      << "an allocator that may have data";
}

TEST_F(ObjectClassTest, TablesThatAreNone) {
  const Address good = add_class("9OrderBook");
  const auto name = [&](Address table) {
    return find(add_block(kHeap + 0x200, 0x90, table) + 0x28);
  };
  EXPECT_EQ(name(good), "OrderBook+0x28");
  EXPECT_EQ(name(good + 4), "");
  EXPECT_EQ(name(kCode), "");
  EXPECT_EQ(name(kHeap + 0x300), "");
  EXPECT_EQ(name({0}), "");
  EXPECT_EQ(name({UINT64_MAX - 7}), "");
  EXPECT_EQ(name({8}), "");
  EXPECT_EQ(name(add_class("9OrderBook", static_cast<std::uint64_t>(-16))), "")
      << "a base class's table does not begin an object";
  memory_.put_object(good - 8, good - 8);
  EXPECT_EQ(name(good), "") << "its own type";
  const Address written = add_class("5Fresh");
  memory_.put_object(written, kTables);
  EXPECT_EQ(name(written), "") << "its first function is no code";
}

TEST_F(ObjectClassTest, BlocksThatAreNone) {
  const Address object = add_block(kHeap + 0x200, 0x90, add_class("9OrderBook"));
  const Address size = object - 8;
  const Address next_size = size + 0x90;
  for (const std::uint64_t word : {0ULL, 0x21ULL, 0x99ULL, 0x10091ULL, ~0ULL, 0x92ULL}) {
    put(size, word);
    EXPECT_EQ(find(object + 0x28), "") << std::hex << word;
  }
  put(size, 0x91);
  put(next_size, 0x40);
  EXPECT_EQ(find(object + 0x28), "") << "the block was given back";
  put(next_size, 0x41);
  EXPECT_EQ(find(object + 0x28), "OrderBook+0x28");
}

TEST_F(ObjectClassTest, ADestructorThatGivesBackAsMuchAsTheBlock) {
  const Address table = add_class("9OrderBook");
  const Address object = add_block(kHeap + 0x200, 0x90, table);
  // mov $size, %esi; mov %rax, %rdi; jmp operator delete
  const auto destroys = [&](unsigned size) {
    memory_.put(kCode, {0xbe, size, 0, 0, 0, 0x48, 0x89, 0xc7, 0xe9, 0x10, 0, 0, 0, 0xc3});
    EXPECT_EQ(find(object + 0x28), "OrderBook+0x28");
    return is_whole_;
  };
  EXPECT_TRUE(destroys(0x88));
  EXPECT_TRUE(destroys(0x78)) << "in a block that was a little too big";
  EXPECT_FALSE(destroys(0x90));
  EXPECT_FALSE(destroys(0x28)) << "the first member of something bigger";
  put(object + 0x40, table.value);
  EXPECT_TRUE(destroys(0x40)) << "an array's first element";
  put(object + 0x40, 0);
  put(object + 0x20, table.value);
  memory_.put(kCode, {0xbe, 0x20, 0, 0, 0, 0xe9, 0x10, 0, 0, 0});
  EXPECT_EQ(find(object + 0x28), "OrderBook+0x8") << "an array's second element";
  EXPECT_TRUE(is_whole_);
  put(object + 0x20, 0);
  memory_.forget(kCode);
  find(object + 0x28);
  EXPECT_FALSE(is_whole_);
}

TEST_F(ObjectClassTest, OnlyTheHeapIsLookedAt) {
  const Address object = add_block(kHeap + 0x200, 0x90, add_class("9OrderBook"));
  snapshot_.mappings[3].path = "/dev/shm/queue";
  EXPECT_EQ(find(object + 0x28), "");
  snapshot_.mappings[3].path = "";
  EXPECT_EQ(find(object + 0x28), "OrderBook+0x28");
  ThreadSnapshot thread;
  thread.registers.set(7, (kHeap + 0x100).value);
  thread.registers.thread_pointer = kHeap + 0x800;
  snapshot_.threads.push_back(thread);
  EXPECT_EQ(find(object + 0x28), "") << "a thread's stack";
  snapshot_.threads[0].registers.thread_pointer = kHeap + 0x180;
  EXPECT_EQ(find(object + 0x28), "OrderBook+0x28");
  snapshot_.threads.clear();
  snapshot_.modules[0].end = kHeapEnd;
  EXPECT_EQ(find(object + 0x28), "") << "a module's own variables";
}

TEST_F(ObjectClassTest, AnyBytes) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    for (Address at = kHeap; at < kHeapEnd; at = at + 8) {
      const std::uint64_t places[] = {random() % 0x200, kHeap.value + random() % 0x2000,
                                      kTables.value + random() % 0x100, random()};
      put(at, places[random() % 4]);
    }
    for (Address at = kTables; at < kTables + 0x100; at = at + 8) {
      memory_.put_object(at, kTables.value + random() % 0x100);
    }
    find(kHeap + random() % 0x2000);
  }
  find({0});
  find({UINT64_MAX});
}

}  // namespace
}  // namespace pstuck
