#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "symbolize/call_site.h"
#include "symbolize/frame_pointer.h"

namespace pstuck {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// Memory in which only what was written can be read.
class Image final : public Memory {
 public:
  void write(Address at, const std::vector<std::byte>& content) {
    const std::size_t offset = at - kStart;
    std::ranges::copy(content, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  std::size_t read(Address from, std::span<std::byte> into) noexcept override {
    if (from < kStart || from - kStart >= bytes_.size()) return 0;
    const std::size_t skip = from - kStart;
    const std::size_t count = std::min(into.size(), bytes_.size() - skip);
    std::ranges::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(skip),
                        static_cast<std::ptrdiff_t>(count), into.begin());
    return count;
  }

  static constexpr Address kStart{0x1000};

 private:
  std::vector<std::byte> bytes_ = std::vector<std::byte>(0x1000);
};

TEST(CallSite, DirectCall) {
  Image image;
  image.write({0x1100}, bytes({0xe8, 0xfb, 0x00, 0x00, 0x00}));  // call 0x1200
  const auto call = decode_call_before(image, {0x1105});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->target, Address{0x1200});
}

TEST(CallSite, ThroughAStubToWhatItsSlotHolds) {
  Image image;
  image.write({0x1100}, bytes({0xe8, 0xfb, 0x00, 0x00, 0x00}));  // call 0x1200
  image.write({0x1200}, bytes({0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0xf5, 0x00, 0x00, 0x00}));
  image.write({0x1300}, bytes({0x78, 0x56, 0x34, 0x12, 0x00, 0x7f, 0x00, 0x00}));  // the slot
  const auto call = decode_call_before(image, {0x1105});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->target, Address{0x7f0012345678});
}

std::vector<std::byte> words(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> result;
  for (const std::uint32_t value : values) {
    for (int shift = 0; shift < 32; shift += 8) {
      result.push_back(static_cast<std::byte>(value >> shift & 0xff));
    }
  }
  return result;
}

TEST(CallSite, OfAArch64) {
  const auto find = [](Image& image) {
    return decode_call_before(image, {0x1104}, Machine::kAArch64);
  };
  Image image;
  image.write({0x1100}, words({0x94000040}));  // bl 0x1200
  ASSERT_TRUE(find(image));
  EXPECT_EQ(find(image)->target, Address{0x1200});
  // bti c; adrp x16, 0x1000; ldr x17, [x16, 0x300]
  image.write({0x1200}, words({0xd503245f, 0x90000010, 0xf9418211}));
  image.write({0x1300}, words({0x12345678, 0x7f00}));
  EXPECT_EQ(find(image)->target, Address{0x7f0012345678});
  // The same without bti, from the page above.
  image.write({0x1200}, words({0xf0fffff0, 0xf9418211}));
  EXPECT_EQ(find(image)->target, std::nullopt) << "page -1";
  image.write({0x1100}, words({0x97ffffe0}));  // bl 0x1080
  EXPECT_EQ(find(image)->target, Address{0x1080});
  image.write({0x1100}, words({0xd63f0100}));  // blr x8
  ASSERT_TRUE(find(image));
  EXPECT_EQ(find(image)->target, std::nullopt);
  image.write({0x1100}, words({0xd73f0910}));  // blraa x8, x16
  EXPECT_TRUE(find(image));
  image.write({0x1100}, words({0xd65f03c0}));  // ret
  EXPECT_FALSE(find(image));
  image.write({0x1100}, words({0x14000040}));  // b 0x1200
  EXPECT_FALSE(find(image));
}

TEST(CallSite, ThroughTheSlotItself) {
  Image image;
  image.write({0x1100}, bytes({0xff, 0x15, 0xfa, 0x01, 0x00, 0x00}));  // call *0x1300
  image.write({0x1300}, bytes({0x78, 0x56, 0x34, 0x12, 0x00, 0x00, 0x00, 0x00}));
  const auto call = decode_call_before(image, {0x1106});
  ASSERT_TRUE(call);
  EXPECT_EQ(call->target, Address{0x12345678});
}

TEST(CallSite, ThroughRegistersTheTargetIsNotKnown) {
  const std::vector<std::vector<std::byte>> calls = {
      bytes({0xff, 0xd0}),                                      // call *%rax
      bytes({0x41, 0xff, 0xd4}),                                // call *%r12
      bytes({0xff, 0x50, 0x10}),                                // call *0x10(%rax)
      bytes({0xff, 0x54, 0x24, 0x08}),                          // call *0x8(%rsp)
      bytes({0xff, 0x90, 0x00, 0x01, 0x00, 0x00}),              // call *0x100(%rax)
      bytes({0xff, 0x14, 0x25, 0x00, 0x10, 0x00, 0x00}),        // call *0x1000
      bytes({0x64, 0xff, 0x14, 0x25, 0x40, 0x06, 0x00, 0x00}),  // call *%fs:0x640
  };
  for (const auto& code : calls) {
    Image image;
    image.write({0x1100}, code);
    const auto call = decode_call_before(image, Address{0x1100} + code.size());
    ASSERT_TRUE(call);
    EXPECT_FALSE(call->target);
  }
}

TEST(CallSite, NoCallNoAnswer) {
  Image image;
  image.write({0x1100}, bytes({0x48, 0x89, 0xc7, 0x48, 0x8b, 0x03}));
  EXPECT_FALSE(decode_call_before(image, {0x1106}));
  EXPECT_FALSE(decode_call_before(image, {0x9000}));
  EXPECT_FALSE(decode_call_before(image, {0}));
}

TEST(FrameSize, OfPrologues) {
  EXPECT_EQ(decode_frame_size(bytes({0x48, 0x83, 0xec, 0x20, 0x89, 0x7d})), 0x20U);
  EXPECT_EQ(decode_frame_size(bytes({0x48, 0x81, 0xec, 0x00, 0x02, 0x00, 0x00})), 0x200U);
  EXPECT_EQ(decode_frame_size(bytes({0x48, 0x83, 0xc4, 0x80})), 0x80U);
  // push %r12; push %rbx; sub $0x10,%rsp
  EXPECT_EQ(decode_frame_size(bytes({0x41, 0x54, 0x53, 0x48, 0x83, 0xec, 0x10})), 0x20U);
  EXPECT_EQ(decode_frame_size(bytes({0x89, 0x7d, 0xfc})), 0U);
  EXPECT_EQ(decode_frame_size(bytes({0x48, 0x83, 0xec})), 0U);
  EXPECT_EQ(decode_frame_size({}), 0U);
}

}  // namespace
}  // namespace pstuck
