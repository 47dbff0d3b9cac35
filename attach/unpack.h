#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "attach/byte_stream.h"

namespace pstuck {

/// So many bytes at the beginning of a stream tell how it is compressed.
inline constexpr std::size_t kMagicSize = 6;

/// "zstd", "gzip", "xz" or "lz4"; empty where the bytes are not compressed with one of these.
std::string_view find_compression(std::span<const std::byte> beginning);

/// A compressed stream, unpacked while it is read, with memory that does not depend on its size.
class UnpackedStream : public ByteStream {
 public:
  /// Compressed bytes that were read so far.
  [[nodiscard]] virtual std::uint64_t packed_bytes() const = 0;
};

/// `packed` begins behind `beginning`, which was read before and tells the compression. What
/// follows the last compressed piece is left out, as gzip(1) does.
std::unique_ptr<UnpackedStream> unpack(std::span<const std::byte> beginning,
                                       std::unique_ptr<ByteStream> packed);

}  // namespace pstuck
