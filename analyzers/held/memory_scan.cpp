// Locks in all of the memory that objects live in, for those that nothing else leads to: mutexes
// inside objects of which a thread keeps only the address of the whole, or none at all.
//
// By itself it is done where it costs little: it reads some 3 GB a second. Pages that are not
// in memory are not brought in: a lock that somebody holds was written to.
//
// What has the bytes of a held lock and is none lies among its like: an array of small numbers, or
// of records with thread ids in them. So where many words of a page are ids of live threads, what
// was found there is doubted.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "analyzers/held/source.h"
#include "analyzers/held/writable_memory.h"
#include "attach/elf_image.h"

namespace pstuck {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostByItselfLive = 256 * kMebibyte;
constexpr std::uint64_t kMostByItselfCore = 512 * kMebibyte;
// To find out which pages are in memory takes time for those that are not, too.
constexpr std::uint64_t kMostAddressesByItself = 65536 * kMebibyte;
constexpr std::uint64_t kMostAddresses = std::uint64_t{1} << 40;

constexpr std::uint64_t kStepBytes = 4 * kMebibyte;
constexpr int kMostIdsInAPage = 8;
constexpr std::size_t kMostFinds = 16384;

std::uint64_t total_size(std::span<const AddressRange> ranges) {
  std::uint64_t size = 0;
  for (const AddressRange& range : ranges) size += range.size();
  return size;
}

// Cuts the ranges off behind so many bytes; returns how many are left out.
std::uint64_t limit_size(std::uint64_t most, std::vector<AddressRange>& ranges) {
  std::uint64_t left_out = 0;
  for (AddressRange& range : ranges) {
    const std::uint64_t size = std::min(range.size(), most);
    left_out += range.size() - size;
    most -= size;
    range.end = range.start + size;
  }
  std::erase_if(ranges, [](const AddressRange& range) { return range.size() == 0; });
  return left_out;
}

class MemoryScan {
 public:
  MemoryScan(const HeldSearch& search, HeldFinds& finds) : search_(search), finds_(finds) {}

  void run() {
    const bool by_itself = search_.options.scan_memory == ScanMemory::kAuto;
    std::vector<AddressRange> memory(search_.objects.begin(), search_.objects.end());
    if (search_.options.scan_memory == ScanMemory::kNo) return leave_out(total_size(memory));
    if (by_itself && total_size(memory) > kMostAddressesByItself) {
      return leave_out(total_size(memory));
    }
    std::uint64_t left_out = limit_size(kMostAddresses, memory);
    memory = find_present(memory);
    const std::uint64_t present = total_size(memory);
    if (by_itself && present > most_by_itself()) return leave_out(present);
    left_out += limit_size(search_.options.max_memory, memory);
    if (left_out > 0) leave_out(left_out);
    scan(memory);
    drop_known();
    limit_finds();
    doubt();
    std::ranges::move(locks_, std::back_inserter(finds_.locks));
  }

 private:
  [[nodiscard]] std::uint64_t most_by_itself() const {
    return search_.snapshot.kind == TargetKind::kCore ? kMostByItselfCore : kMostByItselfLive;
  }

  void say(BlindSpotKind kind, std::uint64_t count) {
    finds_.blind_spots.push_back({kind, fmt::format("{}", count)});
  }

  void leave_out(std::uint64_t bytes) {
    if (bytes > 0) say(BlindSpotKind::kMemoryNotSearched, bytes);
  }

  std::vector<AddressRange> find_present(std::span<const AddressRange> ranges) {
    std::vector<AddressRange> present;
    std::uint64_t swapped = 0;
    for (const AddressRange& range : ranges) {
      const PresentMemory parts = search_.sources.memory.find_present(range);
      present.insert(present.end(), parts.ranges.begin(), parts.ranges.end());
      swapped += parts.swapped;
    }
    if (swapped > 0) say(BlindSpotKind::kMemorySwappedOut, swapped);
    return present;
  }

  void scan(std::span<const AddressRange> ranges) {
    const std::uint64_t total = total_size(ranges);
    std::uint64_t done = 0;
    for (const AddressRange& range : ranges) {
      for (Address at = range.start; at < range.end;) {
        const std::uint64_t size = std::min(AddressRange{at, range.end}.size(), kStepBytes);
        search_.test.find_in({at, at + size}, search_.sources.memory, locks_);
        at = at + size;
        done += size;
        if (search_.options.progress) search_.options.progress(done / kMebibyte, total / kMebibyte);
      }
    }
  }

  // What a more trusted source has found as well.
  void drop_known() {
    std::set<Address> known;
    for (const SeenLock& lock : finds_.locks) known.insert(lock.address);
    std::erase_if(locks_, [&](const SeenLock& lock) { return known.contains(lock.address); });
  }

  // So many uncontended locks no program holds.
  void limit_finds() {
    if (locks_.size() <= kMostFinds) return;
    say(BlindSpotKind::kHeldLocksDoubted, locks_.size() - kMostFinds);
    locks_.resize(kMostFinds);
  }

  void doubt() {
    std::map<Address, bool> is_full;  // by page
    for (SeenLock& lock : locks_) {
      const Address page{page_floor(lock.address.value)};
      const auto [entry, is_new] = is_full.try_emplace(page);
      if (is_new) entry->second = is_full_of_ids(page);
      lock.doubted = entry->second;
    }
  }

  [[nodiscard]] bool is_full_of_ids(Address page) const {
    std::array<Tid, kPageSize / sizeof(Tid)> words{};
    search_.sources.memory.read(page, std::as_writable_bytes(std::span(words)));
    const auto ids = std::ranges::count_if(
        words, [&](Tid word) { return search_.test.find_owner(word).has_value(); });
    return ids > kMostIdsInAPage;
  }

  const HeldSearch& search_;
  HeldFinds& finds_;
  std::vector<SeenLock> locks_;
};

}  // namespace

void find_locks_in_memory(const HeldSearch& search, HeldFinds& finds) {
  MemoryScan(search, finds).run();
}

}  // namespace pstuck
