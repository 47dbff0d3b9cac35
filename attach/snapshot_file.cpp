#include "attach/snapshot_file.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "attach/error.h"
#include "attach/saved_recording.h"

namespace pstuck {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedProcess, followed, from_outside, recording,
                                                symbols)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SavedUnseen, pid, why)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SnapshotFile, version, written_by, host, redacted,
                                                processes, unseen)

namespace {

// A skippable frame (RFC 8878, 3.1.2): a magic number, a length, and text that zstd passes over.
constexpr std::string_view kBegin{"\x50\x2a\x4d\x18\x10\x00\x00\x00pstuck snapshot\n", 24};
constexpr int kLevel = 6;
// A thousand threads with all of their stacks are a tenth of it.
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

[[noreturn]] void throw_damaged(const std::string& path, const std::string& what) {
  throw Error(ErrorKind::kUnreadable, fmt::format("the snapshot {} is damaged: {}", path, what),
              "copy it anew from where it was made");
}

std::string compress(const std::vector<std::uint8_t>& bytes) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress2(context.get(), compressed.data(), compressed.size(),
                                          bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) {
    throw Error(ErrorKind::kOutput, fmt::format("cannot compress: {}", ZSTD_getErrorName(size)));
  }
  compressed.resize(size);
  return compressed;
}

/// Stops at kMostBytes, whatever the frame promises.
std::vector<std::byte> decompress(const std::string& path, std::string_view compressed) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  std::vector<std::byte> bytes;
  std::vector<std::byte> step(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  for (;;) {
    ZSTD_outBuffer out{step.data(), step.size(), 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0) throw_damaged(path, ZSTD_getErrorName(left));
    bytes.insert(bytes.end(), step.begin(), step.begin() + static_cast<std::ptrdiff_t>(out.pos));
    if (bytes.size() > kMostBytes) throw_damaged(path, "it is larger than any that pstuck writes");
    if (left == 0) break;
    if (in.pos == in.size && out.pos < out.size) throw_damaged(path, "its end is missing");
  }
  if (in.pos < in.size) throw_damaged(path, "something follows its end");
  return bytes;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) {
    throw Error(ErrorKind::kUnreadable,
                fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  return bytes;
}

void check_version(const std::string& path, const SavedJson& saved) {
  const auto version = saved.at("version").get<std::uint32_t>();
  if (version <= SnapshotFile::kVersion) return;
  throw Error(ErrorKind::kUnsupported,
              fmt::format("the snapshot {} was written by {}: it has version {} of the format, and "
                          "this pstuck knows {}",
                          path, saved.value("written_by", "a newer pstuck"), version,
                          SnapshotFile::kVersion),
              "open it with that pstuck, or a newer one");
}

/// Order and sizes that the analysis relies on, however the file came to be.
void put_in_order(Snapshot& snapshot) {
  std::ranges::stable_sort(snapshot.threads, {}, &ThreadSnapshot::tid);
  std::ranges::stable_sort(snapshot.mappings, {}, &Mapping::start);
  std::ranges::stable_sort(snapshot.modules, {}, &Module::start);
  const auto overlaps = [](const Mapping& a, const Mapping& b) { return b.start < a.end; };
  const auto overlap = std::ranges::adjacent_find(snapshot.mappings, overlaps);
  if (overlap != snapshot.mappings.end())
    snapshot.mappings.erase(overlap + 1, snapshot.mappings.end());
  for (Module& module : snapshot.modules) module.local_file.clear();  // was another machine's
}

void put_in_order(std::vector<SavedBytes>& memory) {
  std::ranges::stable_sort(memory, {}, &SavedBytes::start);
}

void put_in_order(Recording& recording) {
  for (Snapshot& snapshot : recording.captures) put_in_order(snapshot);
  put_in_order(recording.memory);
  put_in_order(recording.parent_memory);
}

}  // namespace

std::string encode_snapshot_file(const SnapshotFile& file) {
  return std::string(kBegin) + compress(SavedJson::to_cbor(SavedJson(file)));
}

bool is_snapshot_file(const std::string& path) {
  // What comes through a pipe can be read only once.
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  std::array<char, kBegin.size()> begin{};
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), begin.size());
  return file && std::string_view(begin.data(), begin.size()) == kBegin;
}

SnapshotFile read_snapshot_file(const std::string& path) {
  const std::string bytes = read_all(path);
  if (!bytes.starts_with(kBegin)) throw_damaged(path, "its beginning is missing");
  return restore_snapshot_file(decompress(path, std::string_view(bytes).substr(kBegin.size())),
                               path);
}

SnapshotFile restore_snapshot_file(std::span<const std::byte> cbor, const std::string& path) try {
  const SavedJson saved = parse_saved(cbor);
  check_version(path, saved);
  auto file = saved.get<SnapshotFile>();
  for (SavedProcess& process : file.processes) {
    if (process.recording.captures.empty()) throw_damaged(path, "it lacks a process");
    put_in_order(process.recording);
  }
  if (file.processes.empty()) throw_damaged(path, "it has no process");
  return file;
} catch (const SavedJson::exception&) {
  throw_damaged(path, "it is not what pstuck writes");
}

}  // namespace pstuck
