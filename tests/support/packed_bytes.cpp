#include "tests/support/packed_bytes.h"

#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cassert>

namespace pstuck::testing {
namespace {

constexpr std::size_t kRoomForHeaders = 4096;

Bytes pack_zstd(const Bytes& bytes) {
  Bytes packed(ZSTD_compressBound(bytes.size()));
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

Bytes pack_gzip(const Bytes& bytes) {
  z_stream stream{};
  constexpr int kGzipFormat = 16;
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + kGzipFormat, 8, Z_DEFAULT_STRATEGY);
  Bytes packed(deflateBound(&stream, bytes.size()) + kRoomForHeaders);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Bytes pack_xz(const Bytes& bytes) {
  Bytes packed(lzma_stream_buffer_bound(bytes.size()));
  std::size_t size = 0;
  const lzma_ret result = lzma_easy_buffer_encode(
      0, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()),
      bytes.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size());
  assert(result == LZMA_OK);
  packed.resize(size);
  return packed;
}

Bytes pack_lz4(const Bytes& bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  Bytes packed(LZ4F_compressFrameBound(bytes.size(), &preferences));
  packed.resize(
      LZ4F_compressFrame(packed.data(), packed.size(), bytes.data(), bytes.size(), &preferences));
  return packed;
}

}  // namespace

const std::vector<Packing>& all_packings() {
  static const std::vector<Packing> packings = {
      {"zstd", pack_zstd}, {"gzip", pack_gzip}, {"xz", pack_xz}, {"lz4", pack_lz4}};
  return packings;
}

}  // namespace pstuck::testing
