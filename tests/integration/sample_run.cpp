#include "tests/integration/sample_run.h"

#include <pthread.h>

#include <fstream>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include "attach/syscalls.h"

namespace pstuck::testing {
namespace {

Command sample_command(const SampleCase& sample, const Command& wrapper) {
  Command command = wrapper;
  command.push_back(std::string(PSTUCK_SAMPLES) + "/" + sample.variant + "/" + sample.name);
  if (!sample.argument.empty()) command.push_back(sample.argument);
  return command;
}

/// Other objects have their word somewhere inside, or share those of a pool.
bool is_on_own_word(const TrueLock& lock) { return lock.kind == "mutex" && lock.address != 0; }

/// One that is about to look again is in the call too, and may just not be on a processor.
bool is_asleep(int tid) {
  std::ifstream file("/proc/" + std::to_string(tid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end_of_name = line.rfind(')');
  return end_of_name != std::string::npos && line.compare(end_of_name, 3, ") S") == 0;
}

/// True when the thread sleeps in the futex call that its wait ends in. glibc parks the owner of a
/// priority-inheriting mutex that locks it again, or that closes a cycle, on a word of its own
/// stack for ever (2.36: nptl/pthread_mutex_lock.c, "Delay the thread indefinitely").
bool is_blocked(const Truth& truth, const TrueWait& wait) {
  const auto lock = truth.locks.find(wait.resource);
  if (lock != truth.locks.end() && lock->second.kind == "spinlock") return true;  // it runs
  const auto words = read_syscall(truth.tids.at(wait.role));
  if (words.size() < 8 || !is_asleep(truth.tids.at(wait.role))) return false;
  const auto call = static_cast<std::int64_t>(words[0]);
  if (call != kFutexCall && call != kRestartSyscall) return false;
  if (lock == truth.locks.end() || !is_on_own_word(lock->second)) return true;
  const std::uint64_t stack_pointer = words[7];
  return words[1] - lock->second.address < sizeof(pthread_mutex_t) ||
         words[1] - stack_pointer < 1024;
}

bool is_in_kernel(int tid) {
  const auto words = read_syscall(tid);
  return words.size() == 9 && static_cast<std::int64_t>(words[0]) != kFutexCall && is_asleep(tid);
}

}  // namespace

bool SampleCase::has(const std::string& what) const {
  if (what == "library_symbols") return has_symbols() || !is_static();
  return has_symbols() && (what == "symbols" || what == "debug_information");
}

void PrintTo(const SampleCase& sample, std::ostream* out) {
  *out << sample.variant << '/' << sample.name << ' ' << sample.argument;
}

std::vector<SampleCase> list_samples(const std::set<std::string>& variants) {
  std::ifstream list(std::string(PSTUCK_SAMPLES) + "/samples.txt");
  std::vector<SampleCase> samples;
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    SampleCase sample;
    std::string source;
    words >> sample.variant >> source >> sample.argument;
    const std::size_t dot = source.find('.');
    sample.name = source.substr(0, dot);
    sample.extension = source.substr(dot + 1);
    if (variants.contains(sample.variant)) samples.push_back(sample);
  }
  return samples;
}

SampleRun::SampleRun(const SampleCase& sample, const Command& wrapper)
    : process_(sample_command(sample, wrapper)) {
  while (!truth_.ready && truth_.skip.empty()) {
    const std::string line = process_.read_line();
    if (line.empty()) throw std::runtime_error(sample.name + " ended before it was ready");
    learn(truth_, line);
  }
  if (!truth_.skip.empty()) return;
  for (const TrueWait& wait : truth_.waits) {
    if (poll_until([&] { return is_blocked(truth_, wait); })) continue;
    throw std::runtime_error(sample.name + ": " + wait.role + " never blocked");
  }
  for (const TrueKernelWait& wait : truth_.kernel_waits) {
    if (poll_until([&] { return is_in_kernel(truth_.tids.at(wait.role)); })) continue;
    throw std::runtime_error(sample.name + ": " + wait.role + " never blocked");
  }
}

std::string name_code(const SampleCase& sample, const std::string& module_offset) {
  const std::string program = std::string(PSTUCK_SAMPLES) + "/O2/" + sample.name;
  std::istringstream symbols(run({"nm", "-C", "-n", "--defined-only", program}).out);
  const std::uint64_t wanted = std::stoull(module_offset, nullptr, 16);
  std::string found;
  std::uint64_t start = 0;
  std::string kind;
  std::string name;
  while (symbols >> std::hex >> start >> kind && std::getline(symbols >> std::ws, name)) {
    if (start > wanted) break;
    if (std::string("tTwW").find(kind) != std::string::npos) found = name;
  }
  return found;
}

GCore::GCore(int pid) : directory_(make_test_directory()) {
  const auto prefix = directory_ / "core";
  const Outcome outcome = run({"gcore", "-o", prefix.string(), std::to_string(pid)});
  path = prefix.string() + "." + std::to_string(pid);
  if (outcome.status == 0 && std::filesystem::exists(path)) return;
  path.clear();
  why_not = "gcore (package gdb) wrote no core: " + outcome.err;
}

GCore::~GCore() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::filesystem::path make_test_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "pstuck-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  return pattern;
}

std::vector<std::uint64_t> read_syscall(int tid) {
  std::ifstream file("/proc/" + std::to_string(tid) + "/syscall");
  std::vector<std::uint64_t> numbers;
  for (std::string word; file >> word;) {
    if (word == "running") return {};
    numbers.push_back(std::stoull(word == "-1" ? "0xffffffffffffffff" : word, nullptr, 0));
  }
  return numbers;
}

Command pstuck_command(const Command& words) {
  Command command = {PSTUCK_BINARY};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

}  // namespace pstuck::testing
