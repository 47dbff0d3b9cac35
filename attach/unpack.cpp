#include "attach/unpack.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>
#include <vector>

// The four libraries do the same in four ways: they take bytes from one buffer and put bytes into
// another until one of them is through. Compressed files may be several one after the other, and a
// dump can have broken off at any byte. So each library is a decoder of one function, and the
// stream around them does all the rest.

namespace pstuck {
namespace {

// More than `xz -9` and `zstd --ultra -22` need; a forged header can ask for any size.
constexpr std::uint64_t kMostMemory = std::uint64_t{256} << 20;

enum class Step {
  kMore,     ///< is through with one of the buffers
  kEnd,      ///< of a compressed piece; another one may follow
  kDamaged,  ///< Decoder::damage() says how
};

class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  virtual ~Decoder() = default;

  /// Takes what it uses off the front of both. After kEnd it begins another piece.
  virtual Step decode(std::span<const std::byte>& packed, std::span<std::byte>& unpacked) = 0;
  [[nodiscard]] const std::string& damage() const { return damage_; }

 protected:
  Step fail(std::string_view why) {
    damage_ = why;
    return Step::kDamaged;
  }

 private:
  std::string damage_;
};

template <typename T>
void advance(std::span<T>& bytes, std::size_t count) {
  bytes = bytes.subspan(count);
}

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream()) { assert(stream_); }
  ~ZstdDecoder() override { ZSTD_freeDStream(stream_); }

  Step decode(std::span<const std::byte>& packed, std::span<std::byte>& unpacked) override {
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer out{unpacked.data(), unpacked.size(), 0};
    const std::size_t left = ZSTD_decompressStream(stream_, &out, &in);
    advance(packed, in.pos);
    advance(unpacked, out.pos);
    if (ZSTD_isError(left) != 0) return fail(ZSTD_getErrorName(left));
    return left == 0 ? Step::kEnd : Step::kMore;
  }

 private:
  ZSTD_DStream* stream_;
};

class Lz4Decoder final : public Decoder {
 public:
  Lz4Decoder() {
    const auto error = LZ4F_createDecompressionContext(&context_, LZ4F_VERSION);
    assert(LZ4F_isError(error) == 0);
  }
  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }

  Step decode(std::span<const std::byte>& packed, std::span<std::byte>& unpacked) override {
    std::size_t taken = packed.size();
    std::size_t given = unpacked.size();
    const std::size_t left =
        LZ4F_decompress(context_, unpacked.data(), &given, packed.data(), &taken, nullptr);
    if (LZ4F_isError(left) != 0) return fail(LZ4F_getErrorName(left));
    advance(packed, taken);
    advance(unpacked, given);
    return left == 0 ? Step::kEnd : Step::kMore;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() {
    constexpr int kGzipFormat = 16;
    const int error = ::inflateInit2(&stream_, MAX_WBITS + kGzipFormat);
    assert(error == Z_OK);
  }
  ~GzipDecoder() override { ::inflateEnd(&stream_); }

  Step decode(std::span<const std::byte>& packed, std::span<std::byte>& unpacked) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    stream_.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream_.avail_out = static_cast<uInt>(unpacked.size());
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    advance(packed, packed.size() - stream_.avail_in);
    advance(unpacked, unpacked.size() - stream_.avail_out);
    if (result == Z_STREAM_END) {
      ::inflateReset(&stream_);
      return Step::kEnd;
    }
    if (result == Z_OK || result == Z_BUF_ERROR) return Step::kMore;
    return fail(stream_.msg ? stream_.msg : ::zError(result));
  }

 private:
  z_stream stream_{};
};

class XzDecoder final : public Decoder {
 public:
  XzDecoder() { begin(); }
  ~XzDecoder() override { ::lzma_end(&stream_); }

  Step decode(std::span<const std::byte>& packed, std::span<std::byte>& unpacked) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
    stream_.avail_in = packed.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(unpacked.data());
    stream_.avail_out = unpacked.size();
    const lzma_ret result = ::lzma_code(&stream_, LZMA_RUN);
    advance(packed, packed.size() - stream_.avail_in);
    advance(unpacked, unpacked.size() - stream_.avail_out);
    switch (result) {
      case LZMA_OK:
      case LZMA_BUF_ERROR:
        return Step::kMore;
      case LZMA_STREAM_END:
        begin();
        return Step::kEnd;
      case LZMA_MEMLIMIT_ERROR:
        return fail("it asks for too much memory");
      case LZMA_OPTIONS_ERROR:
        return fail("it was compressed with options that liblzma does not know");
      default:
        return fail("its data is corrupt");
    }
  }

 private:
  void begin() {
    const lzma_ret error = ::lzma_stream_decoder(&stream_, kMostMemory, 0);
    assert(error == LZMA_OK);
  }

  lzma_stream stream_ = LZMA_STREAM_INIT;
};

struct Compression {
  std::string_view magic;
  std::string_view name;
  std::unique_ptr<Decoder> (*make_decoder)();
};

template <typename T>
std::unique_ptr<Decoder> make() {
  return std::make_unique<T>();
}

constexpr std::array kCompressions = {
    Compression{"\x28\xb5\x2f\xfd", "zstd", make<ZstdDecoder>},
    Compression{"\x1f\x8b", "gzip", make<GzipDecoder>},
    Compression{std::string_view("\xfd\x37\x7a\x58\x5a\0", kMagicSize), "xz", make<XzDecoder>},
    Compression{"\x04\x22\x4d\x18", "lz4", make<Lz4Decoder>},
};

const Compression* find_row(std::span<const std::byte> beginning) {
  const std::string_view bytes(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  const auto row = std::ranges::find_if(
      kCompressions, [&](const Compression& known) { return bytes.starts_with(known.magic); });
  return row == kCompressions.end() ? nullptr : &*row;
}

class Unpacker final : public UnpackedStream {
 public:
  Unpacker(std::span<const std::byte> beginning, std::unique_ptr<ByteStream> packed)
      : packed_(std::move(packed)),
        compression_(find_row(beginning)),
        buffer_(kBufferSize),
        packed_bytes_(beginning.size()) {
    assert(compression_ && beginning.size() <= buffer_.size());
    decoder_ = compression_->make_decoder();
    std::ranges::copy(beginning, buffer_.begin());
    rest_ = std::span(buffer_).first(beginning.size());
  }

  std::size_t read(std::span<std::byte> into) override {
    const std::size_t wanted = into.size();
    while (!into.empty() && !has_ended_) step(into);
    return wanted - into.size();
  }

  [[nodiscard]] std::string failure() const override {
    const std::string why = decoder_->damage().empty() ? packed_->failure() : decoder_->damage();
    return why.empty() ? why : fmt::format("{}: {}", compression_->name, why);
  }

  [[nodiscard]] std::uint64_t packed_bytes() const override { return packed_bytes_; }

 private:
  static constexpr std::size_t kBufferSize = 256 * 1024;

  void step(std::span<std::byte>& into) {
    if (rest_.empty()) refill();
    // A decoder may still have bytes to give when it has been given all.
    const std::size_t before = rest_.size() + into.size();
    const Step step = decoder_->decode(rest_, into);
    const bool no_use = step == Step::kMore && before == rest_.size() + into.size();
    has_ended_ = step == Step::kDamaged || no_use || (step == Step::kEnd && !another_follows());
  }

  void refill() {
    const std::size_t got = packed_->read(buffer_);
    packed_bytes_ += got;
    rest_ = std::span(buffer_).first(got);
  }

  bool another_follows() {
    if (rest_.size() < kMagicSize) {
      const std::size_t kept = rest_.size();
      std::ranges::copy(rest_, buffer_.begin());
      const std::size_t got = packed_->read(std::span(buffer_).subspan(kept));
      packed_bytes_ += got;
      rest_ = std::span(buffer_).first(kept + got);
    }
    return find_row(rest_) == compression_;
  }

  std::unique_ptr<ByteStream> packed_;
  const Compression* compression_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> rest_;  // of the buffer, not yet decoded
  std::uint64_t packed_bytes_;
  bool has_ended_ = false;
};

}  // namespace

std::string_view find_compression(std::span<const std::byte> beginning) {
  const Compression* row = find_row(beginning);
  return row ? row->name : std::string_view();
}

std::unique_ptr<UnpackedStream> unpack(std::span<const std::byte> beginning,
                                       std::unique_ptr<ByteStream> packed) {
  return std::make_unique<Unpacker>(beginning, std::move(packed));
}

}  // namespace pstuck
