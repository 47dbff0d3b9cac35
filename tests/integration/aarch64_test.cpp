// Cores of programs for AArch64, as qemu-user writes them, are read on x86-64.

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

constexpr const char* kSysroot = "/usr/aarch64-linux-gnu";  // Debian's libc6-arm64-cross

/// A sample under qemu-user, and the core that is left of it.
class EmulatedCore {
 public:
  explicit EmulatedCore(const SampleCase& sample)
      : directory_(make_test_directory()),
        run_(sample, {"sh", "-c",
                      "cd " + directory_.string() +
                          " && ulimit -c unlimited && exec qemu-aarch64 -cpu max -L " + kSysroot +
                          " \"$@\"",
                      "sh"}) {
    kill(run_.truth().pid, SIGABRT);
    run_.process().finish();
    for (const auto& file : std::filesystem::directory_iterator(directory_)) {
      if (file.path().filename().string().starts_with("qemu_")) path = file.path();
    }
  }
  ~EmulatedCore() { std::filesystem::remove_all(directory_); }
  EmulatedCore(const EmulatedCore&) = delete;
  EmulatedCore& operator=(const EmulatedCore&) = delete;

  [[nodiscard]] const Truth& truth() const { return run_.truth(); }

  std::string path;

 private:
  std::filesystem::path directory_;
  SampleRun run_;
};

class AArch64Sample : public ::testing::TestWithParam<SampleCase> {};

TEST_P(AArch64Sample, IsDiagnosedFromItsCore) {
  const EmulatedCore core(GetParam());
  ASSERT_FALSE(core.path.empty());
  const std::string program = std::string(PSTUCK_SAMPLES) + "/aarch64/" + GetParam().name;
  const json target = diagnose(core.path, {"--exe", program, "--sysroot", kSysroot});
  ASSERT_FALSE(target.is_null());
  expect_truth(target, GetParam(), core.truth(), Source::kCore);
}

INSTANTIATE_TEST_SUITE_P(, AArch64Sample, ::testing::ValuesIn(list_samples({"aarch64"})),
                         sample_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AArch64Sample);

}  // namespace
}  // namespace pstuck::testing
