#include "attach/proc_parse.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>

namespace pstuck {
namespace {

/// Takes the next line off the front of `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// Takes the next word, separated by blanks or tabs, off the front of `text`; empty at the end.
std::string_view take_word(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = std::min(text.find_first_of(" \t", begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

template <typename Integer>
std::optional<Integer> parse_integer(std::string_view text, int base = 10) {
  if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
  Integer value{};
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (trouble != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

Tid parse_tid(std::string_view text) { return {parse_integer<std::int32_t>(text).value_or(0)}; }

/// "12345.678901" milliseconds, as SPLIT_NS prints them in kernel/sched/debug.c.
std::optional<std::chrono::nanoseconds> parse_milliseconds(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.size() - dot - 1 != 6) return {};
  const auto whole = parse_integer<std::int64_t>(text.substr(0, dot));
  const auto fraction = parse_integer<std::uint32_t>(text.substr(dot + 1));
  if (!whole || !fraction || *whole < 0 || *whole > INT64_MAX / 1'000'000 - 1) return {};
  return std::chrono::milliseconds(*whole) + std::chrono::nanoseconds(*fraction);
}

/// "name   :   value" as /proc/PID/sched prints it.
std::pair<std::string_view, std::string_view> split_at_colon(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {line, {}};
  std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  return {take_word(name), value};
}

std::optional<Mapping> parse_mapping(std::string_view line) {
  const std::string_view range = take_word(line);
  const std::string_view permissions = take_word(line);
  const auto offset = parse_integer<std::uint64_t>(take_word(line), 16);
  take_word(line);  // the device: the inode and the path tell enough
  const auto inode = parse_integer<std::uint64_t>(take_word(line));
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos || permissions.size() != 4 || !offset || !inode) return {};
  const auto start = parse_integer<std::uint64_t>(range.substr(0, dash), 16);
  const auto end = parse_integer<std::uint64_t>(range.substr(dash + 1), 16);
  if (!start || !end || *start >= *end) return {};

  Mapping mapping{.start = {*start}, .end = {*end}, .file_offset = *offset, .inode = *inode};
  mapping.readable = permissions[0] == 'r';
  mapping.writable = permissions[1] == 'w';
  mapping.executable = permissions[2] == 'x';
  mapping.shared = permissions[3] == 's';
  std::string_view path = line.substr(std::min(line.find_first_not_of(' '), line.size()));
  constexpr std::string_view kDeleted = " (deleted)";
  if (mapping.inode != 0 && path.ends_with(kDeleted)) {
    mapping.deleted = true;
    path.remove_suffix(kDeleted.size());
  }
  mapping.path = path;
  return mapping;
}

/// "1: FLOCK  ADVISORY  WRITE 4711 fe:01:131079 0 EOF": fs/locks.c, lock_get_status().
std::optional<HeldFileLock> parse_file_lock(std::string_view line) {
  HeldFileLock lock;
  take_word(line);  // its number
  const std::string_view kind = take_word(line);
  if (kind == "POSIX") {
    lock.kind = FileLockKind::kPosix;
  } else if (kind == "OFDLCK") {
    lock.kind = FileLockKind::kOpenFile;
  } else if (kind != "FLOCK") {
    return {};
  }
  take_word(line);  // advisory
  lock.exclusive = take_word(line) == "WRITE";
  take_word(line);  // who took it, who may be gone
  const std::string_view file = take_word(line);
  const auto inode = parse_integer<std::uint64_t>(file.substr(file.rfind(':') + 1));
  const auto start = parse_integer<std::uint64_t>(take_word(line));
  const std::string_view end = take_word(line);
  const auto last = end == "EOF" ? UINT64_MAX : parse_integer<std::uint64_t>(end);
  if (!inode || !start || !last) return {};
  lock.file.inode = *inode;
  lock.start = *start;
  lock.last = *last;
  return lock;
}

/// "5 events: 19 data: 5 pos:0 ino:61af sdev:7": fs/eventpoll.c, ep_show_fdinfo().
std::optional<EpollWatch> parse_watch(std::string_view line) {
  const auto descriptor = parse_integer<std::int32_t>(take_word(line));
  if (!descriptor) return {};
  EpollWatch watch{.descriptor = *descriptor};
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    constexpr std::string_view kInode = "ino:";
    if (!word.starts_with(kInode)) continue;
    watch.inode = parse_integer<std::uint64_t>(word.substr(kInode.size()), 16).value_or(0);
  }
  return watch;
}

/// A blank in a path is "\\040": mangle_path() of fs/seq_file.c.
std::string without_escapes(std::string_view text) {
  constexpr std::size_t kDigits = 3;
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' ? parse_integer<std::uint8_t>(text.substr(i + 1, kDigits), 8)
                                      : std::nullopt;
    plain += code ? static_cast<char>(*code) : text[i];
    if (code) i += kDigits;
  }
  return plain;
}

/// Paths with a colon between; one that is in a path has a backslash before it.
void add_layers(std::string_view paths, std::vector<std::string>& layers) {
  layers.emplace_back();
  for (std::size_t at = 0; at < paths.size(); ++at) {
    if (paths[at] == ':') {
      layers.emplace_back();
      continue;
    }
    if (paths[at] == '\\' && at + 1 < paths.size()) ++at;
    layers.back() += paths[at];
  }
}

/// "rw,lowerdir=/a:/b,upperdir=/c,workdir=/d": fs/overlayfs/super.c.
std::vector<std::string> parse_layers(std::string_view options) {
  std::vector<std::string> layers;
  while (!options.empty()) {
    const std::size_t comma = std::min(options.find(','), options.size());
    const std::string option = without_escapes(options.substr(0, comma));
    options.remove_prefix(std::min(comma + 1, options.size()));
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos) continue;
    const auto is_key = [&](std::string_view key) { return option.starts_with(key); };
    if (!is_key("lowerdir") && !is_key("upperdir") && !is_key("datadir")) continue;
    add_layers(std::string_view(option).substr(equals + 1), layers);
  }
  return layers;
}

}  // namespace

std::optional<StatFacts> parse_stat(std::string_view text) {
  // The name may hold blanks and parentheses: it ends at the last one.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  StatFacts facts{.name = std::string(text.substr(open + 1, close - open - 1))};
  std::string_view rest = text.substr(close + 1);
  if (rest.ends_with('\n')) rest.remove_suffix(1);

  std::array<std::string_view, 37> field;  // field[0] is the third of proc_pid_stat(5)
  for (std::string_view& word : field) word = take_word(rest);
  if (field[0].size() != 1) return {};
  facts.state = field[0][0];
  facts.parent = parse_tid(field[1]);
  facts.group = parse_tid(field[2]);
  facts.session = parse_tid(field[3]);
  facts.flags = parse_integer<std::uint64_t>(field[6]).value_or(0);
  facts.kernel_ticks = parse_integer<std::uint64_t>(field[12]).value_or(0);
  facts.cpu_ticks = parse_integer<std::uint64_t>(field[11]).value_or(0) + facts.kernel_ticks;
  facts.start_ticks = parse_integer<std::uint64_t>(field[19]).value_or(0);
  facts.processor = parse_integer<std::size_t>(field[36]);
  return facts;
}

StatusFacts parse_status(std::string_view text) {
  StatusFacts facts;
  std::optional<std::uint64_t> voluntary;
  std::optional<std::uint64_t> involuntary;
  while (!text.empty()) {
    auto [name, value] = split_at_colon(take_line(text));
    if (name == "Tgid") facts.thread_group = parse_tid(take_word(value));
    if (name == "PPid") facts.parent = parse_tid(take_word(value));
    if (name == "TracerPid") facts.tracer = parse_tid(take_word(value));
    if (name == "voluntary_ctxt_switches") {
      voluntary = parse_integer<std::uint64_t>(take_word(value));
    }
    if (name == "nonvoluntary_ctxt_switches") {
      involuntary = parse_integer<std::uint64_t>(take_word(value));
    }
    if (name == "CapEff") {
      facts.effective_capabilities = parse_integer<std::uint64_t>(take_word(value), 16).value_or(0);
    }
    if (name == "SigCgt") {
      facts.caught_signals = parse_integer<std::uint64_t>(take_word(value), 16).value_or(0);
    }
    if (name == "Uid") {
      take_word(value);
      facts.user = parse_integer<std::uint32_t>(take_word(value));
    }
    if (name == "NSpid") {
      for (auto id = take_word(value); !id.empty(); id = take_word(value)) {
        facts.ids_by_namespace.push_back(parse_tid(id));
      }
    }
  }
  if (voluntary && involuntary) facts.switches = ContextSwitches{*voluntary, *involuntary};
  return facts;
}

std::optional<SyscallFacts> parse_syscall(std::string_view text) {
  text = take_line(text);
  SyscallFacts facts;
  const std::string_view first = take_word(text);
  if (first == "running") {
    facts.running = true;
    return facts;
  }
  const auto number = parse_integer<std::int64_t>(first);
  if (!number) return {};
  if (*number >= 0) {
    facts.syscall.state = SyscallState::kInSyscall;
    facts.syscall.number = *number;
    for (std::uint64_t& argument : facts.syscall.arguments) {
      const auto value = parse_integer<std::uint64_t>(take_word(text), 16);
      if (!value) return {};
      argument = *value;
    }
  }
  const auto stack_pointer = parse_integer<std::uint64_t>(take_word(text), 16);
  const auto program_counter = parse_integer<std::uint64_t>(take_word(text), 16);
  if (!stack_pointer || !program_counter) return {};
  facts.stack_pointer = Address{*stack_pointer};
  facts.program_counter = Address{*program_counter};
  return facts;
}

SchedFacts parse_sched(std::string_view text) {
  SchedFacts facts;
  std::optional<std::uint64_t> voluntary;
  std::optional<std::uint64_t> involuntary;
  while (!text.empty() && !(facts.last_ran && voluntary && involuntary)) {
    auto [name, value] = split_at_colon(take_line(text));
    if (name == "se.exec_start") facts.last_ran = parse_milliseconds(take_word(value));
    if (name == "se.sum_exec_runtime") facts.cpu_time = parse_milliseconds(take_word(value));
    if (name == "nr_voluntary_switches") {
      voluntary = parse_integer<std::uint64_t>(take_word(value));
    }
    if (name == "nr_involuntary_switches") {
      involuntary = parse_integer<std::uint64_t>(take_word(value));
    }
  }
  if (voluntary && involuntary) facts.switches = ContextSwitches{*voluntary, *involuntary};
  return facts;
}

std::vector<Mapping> parse_maps(std::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    std::optional<Mapping> mapping = parse_mapping(take_line(text));
    if (!mapping) continue;
    // The file is read in several pieces while the target maps and unmaps: keep the order.
    if (!mappings.empty() && mapping->start < mappings.back().end) continue;
    mappings.push_back(std::move(*mapping));
  }
  return mappings;
}

bool DescriptorFacts::reads() const { return (flags & O_ACCMODE) != O_WRONLY; }

bool DescriptorFacts::writes() const { return (flags & O_ACCMODE) != O_RDONLY; }

DescriptorFacts parse_descriptor(std::string_view text) {
  constexpr std::size_t kMostEntries = 4096;
  DescriptorFacts facts;
  while (!text.empty()) {
    auto [name, value] = split_at_colon(take_line(text));
    if (name == "flags")
      facts.flags = parse_integer<std::uint64_t>(take_word(value), 8).value_or(0);
    if (name == "mnt_id") facts.mount = parse_integer<std::uint64_t>(take_word(value));
    if (name == "ino") facts.inode = parse_integer<std::uint64_t>(take_word(value));
    if (name == "Pid") {
      const Tid process = parse_tid(take_word(value));
      if (process.value > 0) facts.process = process;
    }
    if (name == "tty-index") facts.master_of = parse_integer<std::uint32_t>(take_word(value));
    if (name == "tfd" && facts.watches.size() < kMostEntries) {
      if (const auto watch = parse_watch(value)) facts.watches.push_back(*watch);
    }
    if (name == "lock" && facts.locks.size() < kMostEntries) {
      if (const auto lock = parse_file_lock(value)) facts.locks.push_back(*lock);
    }
  }
  return facts;
}

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
std::vector<MountFacts> parse_mounts(std::string_view text) {
  constexpr std::size_t kMostMounts = 1 << 16;
  std::vector<MountFacts> mounts;
  while (!text.empty() && mounts.size() < kMostMounts) {
    std::string_view line = take_line(text);
    const auto id = parse_integer<std::uint64_t>(take_word(line));
    take_word(line);  // of the mount that it is in
    const std::string_view device = take_word(line);
    const std::size_t colon = std::min(device.find(':'), device.size());
    const auto major_number = parse_integer<unsigned>(device.substr(0, colon));
    const auto minor_number =
        parse_integer<unsigned>(device.substr(std::min(colon + 1, device.size())));
    take_word(line);  // what of the file system
    std::string point = without_escapes(take_word(line));
    constexpr std::string_view kEndOfOptions = " - ";
    const std::size_t end = line.find(kEndOfOptions);
    if (!id || !major_number || !minor_number || end == std::string_view::npos) continue;
    line.remove_prefix(end + kEndOfOptions.size());
    MountFacts& mount = mounts.emplace_back();
    mount.id = *id;
    mount.device = makedev(*major_number, *minor_number);
    mount.point = std::move(point);
    mount.type = take_word(line);
    take_word(line);  // the source
    if (mount.type == "overlay") mount.layers = parse_layers(take_word(line));
  }
  return mounts;
}

// "6:cpu,cpuacct:/user.slice"
std::vector<ControlGroup> parse_control_groups(std::string_view text) {
  constexpr std::size_t kMostGroups = 64;
  std::vector<ControlGroup> groups;
  while (!text.empty() && groups.size() < kMostGroups) {
    const std::string_view line = take_line(text);
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', std::min(first, line.size() - 1) + 1);
    if (line.empty() || second == std::string_view::npos) continue;
    groups.push_back({.controllers = std::string(line.substr(first + 1, second - first - 1)),
                      .path = std::string(line.substr(second + 1))});
  }
  return groups;
}

// "[<0>] pipe_read+0x2f1/0x4a0"
std::vector<std::string> parse_kernel_stack(std::string_view text) {
  constexpr std::size_t kMostFunctions = 64;
  std::vector<std::string> functions;
  while (!text.empty() && functions.size() < kMostFunctions) {
    std::string_view line = take_line(text);
    take_word(line);  // the address, which is hidden
    const std::string_view function = take_word(line);
    if (!function.empty()) functions.emplace_back(function.substr(0, function.find('+')));
  }
  return functions;
}

std::vector<std::string> parse_command_line(std::string_view text, std::size_t most) {
  std::vector<std::string> arguments;
  while (!text.empty() && arguments.size() < most) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    arguments.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return arguments;
}

std::string parse_container_id(std::string_view cgroup) {
  constexpr std::size_t kDigits = 64;
  std::size_t run = 0;
  for (std::size_t i = 0; i < cgroup.size(); ++i) {
    const char c = cgroup[i];
    run = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ? run + 1 : 0;
    if (run == kDigits) return std::string(cgroup.substr(i + 1 - kDigits, kDigits));
  }
  return {};
}

}  // namespace pstuck
