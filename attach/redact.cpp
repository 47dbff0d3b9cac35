#include "attach/redact.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "attach/saved_recording.h"

namespace pstuck {
namespace {

// An address in memory has six bytes that are not zero, and all of them may look like letters.
constexpr std::size_t kShortestText = 7;
// A shorter name is found in too many other words.
constexpr std::size_t kShortestName = 3;

bool is_text(std::byte byte) {
  const auto c = std::to_integer<unsigned char>(byte);
  return (c >= ' ' && c <= '~') || c == '\t' || c == '\n';
}

void blank_text(std::vector<SavedBytes>& memory) {
  for (SavedBytes& piece : memory) {
    for (auto first = piece.bytes.begin(); first != piece.bytes.end();) {
      const auto last = std::find_if_not(first, piece.bytes.end(), is_text);
      if (static_cast<std::size_t>(last - first) >= kShortestText)
        std::fill(first, last, std::byte{0});
      first = last == piece.bytes.end() ? last : last + 1;
    }
  }
}

void cut_arguments(std::vector<std::string>& command_line) {
  if (command_line.size() > 1) command_line.resize(1);
}

/// Addresses of machines, each under a name of its own.
class HostNames {
 public:
  /// Of "10.0.0.7:43122" or "[fe80::1]:80"; the port stays, and so does this very machine.
  void replace(std::string& end) {
    const auto colon = end.rfind(':');
    if (colon == std::string::npos || end.find_first_of("/@") != std::string::npos) return;
    const std::string address = end.substr(0, colon);
    if (address.starts_with("127.") || address == "[::1]" || address == "0.0.0.0" ||
        address == "[::]") {
      return;
    }
    const auto [name, is_new] =
        names_.try_emplace(address, fmt::format("host-{}", names_.size() + 1));
    end = name->second + end.substr(colon);
  }

 private:
  std::map<std::string, std::string> names_;
};

/// Names of users and of the machine, found in and taken out of all text.
class PrivateNames {
 public:
  explicit PrivateNames(const std::string& host) {
    if (host.size() >= kShortestName) names_.emplace(host, "this-host");
  }

  void find_in(const SavedJson& item) {
    for_each_text(item, [&](const std::string& text) { find_in_text(text); });
  }

  void replace_in(SavedJson& item) const {
    if (item.is_string()) {
      auto& text = item.get_ref<std::string&>();
      for (const auto& [name, stand_in] : names_) replace_word(text, name, stand_in);
    } else if (item.is_structured()) {
      for (SavedJson& part : item) replace_in(part);
    }
  }

 private:
  template <typename Visit>
  static void for_each_text(const SavedJson& item, const Visit& visit) {
    if (item.is_string()) {
      visit(item.get_ref<const std::string&>());
    } else if (item.is_structured()) {
      for (const SavedJson& part : item) for_each_text(part, visit);
    }
  }

  void find_in_text(const std::string& text) {
    constexpr std::string_view kHomes = "/home/";
    for (auto at = text.find(kHomes); at != std::string::npos; at = text.find(kHomes, at + 1)) {
      const std::size_t start = at + kHomes.size();
      const std::string name = text.substr(start, text.find('/', start) - start);
      if (name.size() < kShortestName) continue;
      names_.try_emplace(name, fmt::format("user-{}", names_.size() + 1));
    }
  }

  static void replace_word(std::string& text, const std::string& word,
                           const std::string& stand_in) {
    const auto is_letter = [&](std::size_t at) {
      return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
    };
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
      const bool inside = (at > 0 && is_letter(at - 1)) || is_letter(at + word.size());
      if (!inside) text.replace(at, word.size(), stand_in);
      at += inside ? word.size() : stand_in.size();
    }
  }

  std::map<std::string, std::string> names_;
};

void redact(Snapshot& snapshot, HostNames& hosts) {
  for (ThreadSnapshot& thread : snapshot.threads) thread.stack = {};
  cut_arguments(snapshot.process.command_line);
  if (snapshot.process.forked_from) cut_arguments(snapshot.process.forked_from->command_line);
  for (OtherProcess& other : snapshot.kernel.processes) cut_arguments(other.command_line);
  for (OpenFile& file : snapshot.kernel.files) {
    if (!file.socket) continue;
    hosts.replace(file.socket->local);
    hosts.replace(file.socket->remote);
  }
}

void redact(Recording& recording, HostNames& hosts) {
  for (Snapshot& snapshot : recording.captures) redact(snapshot, hosts);
  for (Sample& sample : recording.samples) {
    for (ThreadSnapshot& thread : sample.threads) thread.stack = {};
  }
  blank_text(recording.memory);
  blank_text(recording.parent_memory);
}

void replace_names(SnapshotFile& file) {
  std::vector<SavedJson> recordings;
  std::vector<SavedJson> symbols;
  PrivateNames names(file.host);
  for (const SavedProcess& process : file.processes) {
    recordings.emplace_back(process.recording);
    symbols.push_back(process.symbols.empty() ? SavedJson() : parse_saved(process.symbols));
    names.find_in(recordings.back());
    names.find_in(symbols.back());
  }
  for (std::size_t i = 0; i < file.processes.size(); ++i) {
    names.replace_in(recordings[i]);
    recordings[i].get_to(file.processes[i].recording);
    if (symbols[i].is_null()) continue;
    names.replace_in(symbols[i]);
    const auto bytes = SavedJson::to_cbor(symbols[i]);
    const auto view = std::as_bytes(std::span(bytes));
    file.processes[i].symbols.assign(view.begin(), view.end());
  }
}

}  // namespace

void redact(SnapshotFile& file) {
  HostNames hosts;
  for (SavedProcess& process : file.processes) redact(process.recording, hosts);
  for (SavedUnseen& unseen : file.unseen)
    unseen.why = fmt::format("process {} could not be looked at", unseen.pid.value);
  replace_names(file);
  file.host.clear();
  file.redacted = true;
}

}  // namespace pstuck
