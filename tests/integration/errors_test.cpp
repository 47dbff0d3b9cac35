// Each thing that can stand in the way has its own sentence and its own hint, and status 2.

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

/// Status 2, nothing on standard output, the words in the message, and a hint on a line after it.
void expect_trouble(const Outcome& outcome, const std::vector<std::string>& words) {
  EXPECT_EQ(outcome.status, 2) << outcome.out;
  EXPECT_EQ(outcome.out, "");
  for (const std::string& word : words) {
    EXPECT_NE(outcome.err.find(word), std::string::npos) << word << " is not in: " << outcome.err;
  }
  EXPECT_GE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 2) << outcome.err;
}

class Trouble : public ::testing::Test {
 protected:
  Trouble() : directory_(make_test_directory()) {}
  ~Trouble() override { fs::remove_all(directory_); }

  fs::path write_file(const std::string& name, const std::string& bytes) const {
    std::ofstream(directory_ / name, std::ios::binary) << bytes;
    return directory_ / name;
  }

  fs::path directory_;
};

/// A forked child that runs `life` and is killed and reaped at the end.
template <typename Life>
class Child {
 public:
  explicit Child(Life life) : pid_(fork()) {
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      life();
      _exit(0);
    }
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

char process_state(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t name_end = text.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= text.size() ? '?' : text[name_end + 2];
}

TEST_F(Trouble, NoSuchProcess) {
  expect_trouble(run(pstuck_command({"999999999"})), {"999999999"});
}

TEST_F(Trouble, NoTarget) { EXPECT_EQ(run(pstuck_command({})).status, 2); }

TEST_F(Trouble, UnknownOption) { EXPECT_EQ(run(pstuck_command({"--frobnicate"})).status, 2); }

TEST_F(Trouble, Zombie) {
  const Child child([] {});
  ASSERT_TRUE(poll_until([&] { return process_state(child.pid()) == 'Z'; }));
  expect_trouble(run(pstuck_command({std::to_string(child.pid())})), {"zombie"});
}

TEST_F(Trouble, KernelThread) {
  std::ifstream status("/proc/2/comm");
  std::string name;
  if (!(status >> name) || name != "kthreadd") GTEST_SKIP() << "kernel threads are not visible";
  expect_trouble(run(pstuck_command({"2"})), {"kernel thread", "kthreadd"});
}

TEST_F(Trouble, AlreadyTraced) {
  SampleRun sample({"self_deadlock", "", "O2"});
  const int pid = sample.truth().pid;
  const Child tracer([pid] {
    ptrace(PTRACE_SEIZE, pid, nullptr, nullptr);
    while (true) pause();
  });
  const std::string status_file = "/proc/" + sample.target() + "/status";
  ASSERT_TRUE(poll_until([&] {
    std::ifstream status(status_file);
    const std::string text{std::istreambuf_iterator<char>(status), {}};
    return text.find("TracerPid:\t" + std::to_string(tracer.pid())) != std::string::npos;
  }));
  expect_trouble(run(pstuck_command({sample.target()})), {"traced", std::to_string(tracer.pid())});
}

TEST_F(Trouble, NotPermitted) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can run pstuck as another user";
  const SampleRun sample({"self_deadlock", "", "O2"});
  // Its own directory may be closed to others.
  const fs::path program = directory_ / "pstuck";
  fs::copy_file(PSTUCK_BINARY, program);
  fs::permissions(directory_, fs::perms(0755));
  fs::permissions(program, fs::perms(0755));
  const Outcome outcome = run({program.string(), sample.target()}, kNobody);
  if (outcome.status == 126 || outcome.status == 127) GTEST_SKIP() << "cannot run as nobody";
  expect_trouble(outcome, {"not permitted", "user"});
}

TEST_F(Trouble, TextFile) {
  expect_trouble(run(pstuck_command({write_file("notes.txt", "no core at all\n")})),
                 {"notes.txt", "core"});
}

TEST_F(Trouble, EmptyFile) {
  expect_trouble(run(pstuck_command({write_file("core.empty", "")})), {"core.empty"});
}

TEST_F(Trouble, EmptyInput) {
  expect_trouble(run({"bash", "-c", std::string(PSTUCK_BINARY) + " - < /dev/null"}),
                 {"standard input", "neither a file nor a pipe"});
  expect_trouble(run({"bash", "-c", std::string("true | ") + PSTUCK_BINARY + " -"}),
                 {"standard input is empty"});
  expect_trouble(run({"bash", "-c", std::string(PSTUCK_BINARY) + " - <&-"}), {"standard input"});
}

TEST_F(Trouble, PackedText) {
  const std::string path = write_file("notes.txt", "no core at all\n");
  ASSERT_EQ(run({"gzip", path}).status, 0);
  expect_trouble(run(pstuck_command({path + ".gz"})), {"unpacked with gzip", "text file"});
}

TEST_F(Trouble, MissingFile) {
  expect_trouble(run(pstuck_command({(directory_ / "core.gone").string()})), {"core.gone"});
}

TEST_F(Trouble, ProgramInsteadOfCore) {
  expect_trouble(run(pstuck_command({PSTUCK_BINARY})), {"core"});
}

TEST_F(Trouble, Core32Bit) {
  Elf32_Ehdr header{};
  std::copy_n(ELFMAG, SELFMAG, header.e_ident);
  header.e_ident[EI_CLASS] = ELFCLASS32;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_CORE;
  header.e_machine = EM_386;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  const std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  expect_trouble(run(pstuck_command({write_file("core.i386", bytes + std::string(4096, '\0'))})),
                 {"32-bit"});
}

TEST_F(Trouble, CoreCutOffInItsHeaders) {
  const SampleRun sample({"self_deadlock", "", "O2"});
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  fs::resize_file(core.path, 100);
  expect_trouble(run(pstuck_command({core.path})), {"core"});
}

/// The beginning of a core, with the notes in front of the memory as the kernel writes them, and
/// only the first `kept` bytes of memory. gcore writes the notes last.
std::string cut_core(const std::string& path, std::size_t kept) {
  std::ifstream file(path, std::ios::binary);
  const auto read_at = [&file](std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(bytes.data(), static_cast<std::streamsize>(size));
    return bytes;
  };
  Elf64_Ehdr header;
  std::memcpy(&header, read_at(0, sizeof header).data(), sizeof header);
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  const std::size_t table_size = segments.size() * sizeof(Elf64_Phdr);
  std::memcpy(segments.data(), read_at(header.e_phoff, table_size).data(), table_size);
  Elf64_Phdr& notes = segments.at(0);
  const std::string note_bytes = read_at(notes.p_offset, notes.p_filesz);
  const std::uint64_t begin = sizeof header + table_size;
  const std::string memory = read_at(segments.at(1).p_offset, kept);
  const std::uint64_t shift = begin + note_bytes.size() - segments.at(1).p_offset;
  for (Elf64_Phdr& segment : segments) segment.p_offset += shift;
  notes.p_offset = begin;
  header.e_phoff = sizeof header;
  header.e_shoff = 0;
  header.e_shnum = 0;
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) +
         std::string(reinterpret_cast<const char*>(segments.data()), table_size) + note_bytes +
         memory;
}

// What is there is analysed, what is missing is said.
TEST_F(Trouble, CoreCutOffInItsMemory) {
  const SampleRun sample({"router_and_cache", "", "O2"});
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const auto target = diagnose(write_file("core.cut", cut_core(core.path, 100'000)));
  ASSERT_FALSE(target.is_null());
  EXPECT_EQ(target.at("threads").size(), sample.truth().tids.size() + 1);
  EXPECT_FALSE(target.at("blind_spots").empty());
}

TEST_F(Trouble, OtherExecutableThanTheCoreIsOf) {
  const SampleRun sample({"self_deadlock", "", "O2"});
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const std::string other = std::string(PSTUCK_SAMPLES) + "/O2/two_cycles";
  expect_trouble(run(pstuck_command({"--exe", other, core.path})), {"two_cycles", "build ID"});
  const std::string right = std::string(PSTUCK_SAMPLES) + "/O2/self_deadlock";
  EXPECT_EQ(run(pstuck_command({"--exe", right, core.path})).status, 0);
}

TEST_F(Trouble, NoRoomForAnUnpackedCore) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can mount a small file system";
  const SampleRun sample({"self_deadlock", "", "O2"});
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const std::string mount = "mount -t tmpfs -o size=64k pstuck-test " + directory_.string();
  const std::string look = "TMPDIR=" + directory_.string() + " " + PSTUCK_BINARY + " -";
  const std::string command = mount + " || exit 77; cat " + core.path + " | " + look;
  const Outcome outcome = run({"unshare", "--mount", "bash", "-c", command});
  if (outcome.status == 77 || outcome.status == 1) GTEST_SKIP() << outcome.err;
  expect_trouble(outcome, {"no room left for standard input in " + directory_.string()});
}

// A write beyond that limit ends a program that does not care.
TEST_F(Trouble, LimitOnTheSizeOfFiles) {
  const SampleRun sample({"self_deadlock", "", "O2"});
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const std::string limited = "ulimit -f 1; cat " + core.path + " | " + PSTUCK_BINARY + " -";
  expect_trouble(run({"bash", "-c", limited}), {"standard input is too large", "ulimit -f"});
  const std::string file = (directory_ / "report").string();
  const std::string write =
      "ulimit -f 0; " + std::string(PSTUCK_BINARY) + " -o " + file + " " + sample.target();
  expect_trouble(run({"bash", "-c", write}), {"cannot write " + file, "too large"});
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(Trouble, DirectoryThatMayNotBeRead) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can run pstuck as another user";
  const std::string core = write_file("core", "bytes");
  fs::permissions(directory_, fs::perms::owner_all);
  const Outcome outcome = run(pstuck_command({core}), kNobody);
  if (outcome.status == 126 || outcome.status == 127) GTEST_SKIP() << "cannot run as nobody";
  expect_trouble(outcome, {"not permitted to read " + core});
}

TEST_F(Trouble, OutputThatCannotBeWritten) {
  const SampleRun sample({"self_deadlock", "", "O2"});
  const std::string nowhere = (directory_ / "no" / "such" / "directory").string();
  const Outcome outcome = run(pstuck_command({"-o", nowhere, sample.target()}));
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find(nowhere), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace pstuck::testing
