#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

json wait_of_thread(const json& target, int tid) {
  for (const json& thread : target.at("threads")) {
    if (thread.at("tid") == tid) return thread.at("kernel_wait");
  }
  return {};
}

void expect_process(const json& target, const json& wait, const TrueKernelWait& expected) {
  if (expected.process == 0) {
    EXPECT_TRUE(wait.at("processes").empty()) << expected.role << ": " << wait;
    return;
  }
  EXPECT_EQ(wait.at("processes"), json::array({expected.process})) << expected.role;
  bool is_told = false;
  for (const json& process : target.at("other_processes")) {
    is_told = is_told || (process.at("pid") == expected.process && process.at("state") == "S" &&
                          !process.at("syscall").is_null());
  }
  EXPECT_TRUE(is_told) << target.at("other_processes");
}

}  // namespace

void expect_kernel_waits(const json& target, const Truth& truth, Source source) {
  for (const TrueKernelWait& expected : truth.kernel_waits) {
    // gdb's stop has ended these calls: the core has the thread on its way to the next one.
    const bool is_cut =
        expected.act == "write" || expected.act == "transfer" || expected.act == "sysv_semaphores";
    if (source == Source::kCore && is_cut) continue;
    const json wait = wait_of_thread(target, truth.tids.at(expected.role));
    ASSERT_FALSE(wait.is_null()) << expected.role;
    EXPECT_EQ(wait.at("act"), expected.act) << expected.role;
    // A core has neither the kernel's files nor other processes.
    if (source == Source::kCore) continue;
    if (expected.file != "none") {
      const std::size_t files = expected.act == "transfer" ? 2 : 1;
      ASSERT_EQ(wait.at("files").size(), files) << expected.role << ": " << wait;
      EXPECT_EQ(wait.at("files").at(0).at("kind"), expected.file) << expected.role;
    }
    expect_process(target, wait, expected);
  }
}

}  // namespace pstuck::testing
