// Cores that are compressed: whole, cut, damaged, and what is no core when it is unpacked.

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "attach/core_target.h"
#include "attach/error.h"
#include "attach/spool.h"
#include "tests/support/elf_bytes.h"
#include "tests/support/packed_bytes.h"
#include "tests/support/temporary_file.h"

namespace pstuck {
namespace {

using testing::all_packings;
using testing::Bytes;
using testing::CorePart;
using testing::make_core;
using testing::make_thread_note;
using testing::Packing;
using testing::TemporaryFile;
using testing::operator+;

constexpr std::size_t kMemorySize = 0x5000;

/// Bytes that no compression makes much shorter.
Bytes noise(std::size_t size) {
  Bytes bytes;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes.push_back(static_cast<std::byte>(state >> 24));
  }
  return bytes;
}

Bytes small_core(const Bytes& memory = noise(kMemorySize)) {
  return make_core({{.type = PT_NOTE, .bytes = make_thread_note(7, 202, -512)},
                    {.type = PT_LOAD,
                     .bytes = memory,
                     .address = 0x1000,
                     .memory_size = memory.size(),
                     .flags = PF_R | PF_W}});
}

std::unique_ptr<Target> open_core(const Bytes& bytes) {
  const TemporaryFile file(bytes);
  return open_core_target(file.path(), {});
}

class PackedCore : public ::testing::TestWithParam<Packing> {
 protected:
  static Bytes pack(const Bytes& bytes) { return GetParam().pack(bytes); }

  static std::string error_of(const Bytes& bytes) {
    try {
      open_core(bytes);
    } catch (const Error& error) {
      EXPECT_NE(error.hint, "") << error.what();
      return error.what();
    }
    return {};
  }
};

TEST_P(PackedCore, IsReadLikeThePlainOne) {
  const auto target = open_core(pack(small_core()));
  EXPECT_TRUE(target->capture({}).blind_spots.empty());
  Bytes bytes(kMemorySize);
  EXPECT_EQ(target->memory().read({0x1000}, bytes), bytes.size());
  EXPECT_EQ(bytes, noise(kMemorySize));
}

TEST_P(PackedCore, MayBePackedInSeveralPieces) {
  const Bytes core = small_core();
  Bytes packed;
  for (std::size_t at = 0; at < core.size(); at += 5000) {
    const auto first = core.begin() + static_cast<std::ptrdiff_t>(at);
    packed = packed + pack(Bytes(first, first + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                                    5000, core.size() - at))));
  }
  const auto target = open_core(packed);
  EXPECT_TRUE(target->capture({}).blind_spots.empty());
  Bytes bytes(kMemorySize);
  EXPECT_EQ(target->memory().read({0x1000}, bytes), bytes.size());
  EXPECT_EQ(bytes, noise(kMemorySize));
}

TEST_P(PackedCore, EndsWhereSomethingElseFollows) {
  const Bytes padding(3000, std::byte{0});
  EXPECT_TRUE(open_core(pack(small_core()) + padding)->capture({}).blind_spots.empty());
}

TEST_P(PackedCore, IsReadAsFarAsItGoesWhereItIsCut) {
  const Bytes whole = pack(small_core());
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 64) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    try {
      const Snapshot snapshot = open_core(cut)->capture({});
      EXPECT_EQ(snapshot.threads.size(), 1U);
      // Only the checksum may be missing.
      EXPECT_TRUE(snapshot.core->missing_bytes > 0 || whole.size() - size < 64) << size;
    } catch (const Error& error) {
      EXPECT_NE(error.hint, "") << error.what();
    }
  }
}

TEST_P(PackedCore, NeverPassesOffDamageForTheTruth) {
  const Bytes whole = pack(small_core());
  for (std::size_t at = 8; at < whole.size(); at += 1 + at / 32) {
    Bytes damaged = whole;
    damaged[at] ^= std::byte{0x55};
    try {
      const auto target = open_core(damaged);
      Bytes bytes(kMemorySize);
      const bool same =
          target->memory().read({0x1000}, bytes) == bytes.size() && bytes == noise(kMemorySize);
      EXPECT_TRUE(same || !target->capture({}).blind_spots.empty()) << at;
    } catch (const Error& error) {
      EXPECT_NE(error.hint, "") << error.what();
    }
  }
}

TEST_P(PackedCore, SaysWhatItIsInstead) {
  const std::string name = GetParam().name;
  EXPECT_NE(error_of(pack({})).find("is empty"), std::string::npos);
  EXPECT_NE(error_of(pack(Bytes(100, std::byte{'a'})))
                .find("(unpacked with " + name + ") is a text file"),
            std::string::npos);
  const Bytes core = small_core();
  const Bytes beginning(core.begin(), core.begin() + 70);
  EXPECT_NE(error_of(pack(beginning)).find("cut off after 70 bytes"), std::string::npos);
}

TEST_P(PackedCore, TakesNoRoomForZeros) {
  const auto target = open_core(pack(small_core(noise(16) + Bytes(64 << 20, std::byte{0}))));
  const PresentMemory present = target->memory().find_present({{0x1000}, {0x1000 + (64 << 20)}});
  std::uint64_t size = 0;
  for (const AddressRange& range : present.ranges) size += range.size();
  EXPECT_GE(size, 16U);
  EXPECT_LT(size, 64U << 10);
  Bytes last(1);
  EXPECT_EQ(target->memory().read({0x1000 + (64 << 20) + 15}, last), 1U);
}

INSTANTIATE_TEST_SUITE_P(, PackedCore, ::testing::ValuesIn(all_packings()),
                         [](const auto& packing) { return packing.param.name; });

TEST(PipedCore, IsRead) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const Bytes core = small_core(noise(1 << 20));
  std::thread writer([&] {
    std::size_t done = 0;
    while (done < core.size()) {
      const ssize_t count = ::write(ends[1], core.data() + done, core.size() - done);
      ASSERT_GT(count, 0);
      done += static_cast<std::size_t>(count);
    }
    ::close(ends[1]);
  });
  const auto target = open_core_target("/proc/self/fd/" + std::to_string(ends[0]), {});
  writer.join();
  ::close(ends[0]);
  Bytes bytes(1 << 20);
  EXPECT_EQ(target->memory().read({0x1000}, bytes), bytes.size());
  EXPECT_EQ(bytes, noise(1 << 20));
}

/// Gives the same page again and again, as often as it is asked.
class Repeated final : public ByteStream {
 public:
  Repeated(std::byte value, std::uint64_t size) : value_(value), left_(size) {}
  std::size_t read(std::span<std::byte> into) override {
    const std::size_t count = std::min<std::uint64_t>(into.size(), left_);
    std::fill_n(into.begin(), count, value_);
    left_ -= count;
    return count;
  }
  [[nodiscard]] std::string failure() const override { return {}; }

 private:
  std::byte value_;
  std::uint64_t left_;
};

TEST(Spool, KeepsHolesAndTheLengthOfWhatEndsInOne) {
  Repeated zeros(std::byte{0}, (8 << 20) + 5);
  const Bytes beginning(5000, std::byte{1});
  const Descriptor file = spool(beginning, zeros, "core", {});
  struct stat facts {};
  ASSERT_EQ(::fstat(file.get(), &facts), 0);
  EXPECT_EQ(facts.st_size, 5000 + (8 << 20) + 5);
  EXPECT_LE(facts.st_blocks * 512, 64 << 10);
  EXPECT_EQ(facts.st_nlink, 0U);
}

TEST(Spool, SaysWhereItCannotWrite) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  ::setenv("TMPDIR", "/none/such", 1);
  Repeated ones(std::byte{1}, 10);
  try {
    spool({}, ones, "core.gz", {});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "cannot keep core.gz in /none/such: No such file or directory");
    EXPECT_NE(error.hint.find("TMPDIR"), std::string::npos);
  }
  if (before) {
    ::setenv("TMPDIR", kept.c_str(), 1);
  } else {
    ::unsetenv("TMPDIR");
  }
}

}  // namespace
}  // namespace pstuck
