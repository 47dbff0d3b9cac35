// What several looks tell of threads that run.

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

const json& thread_of(const json& threads, const SampleRun& sample, const std::string& role) {
  static const json kNone;
  for (const json& thread : threads) {
    if (thread.at("tid") == sample.truth().tids.at(role)) return thread;
  }
  ADD_FAILURE() << role << " is not in " << threads;
  return kNone;
}

std::string function_at(const json& target, const SampleRun& sample, const std::string& role,
                        const json& frame) {
  const json& frames = thread_of(target.at("threads"), sample, role).at("stack").at("frames");
  if (frame.is_null() || frame >= frames.size()) return {};
  const std::string name = frames.at(frame.get<std::size_t>()).at("function");
  return name.substr(0, name.find('('));
}

TEST(RunningHolder, IsLookedAtAgainByItself) {
  const SampleRun sample({"running_holder", "computes", "O2"});
  const json target = diagnose(sample.target());
  const json& samples = target.at("samples");
  ASSERT_FALSE(samples.is_null());
  EXPECT_EQ(samples.at("looks"), 2);
  EXPECT_GE(samples.at("span_ns"), 50'000'000);
  const json& holder = thread_of(samples.at("threads"), sample, "rebuilder");
  EXPECT_EQ(function_at(target, sample, "rebuilder", holder.at("frame")), "Table::compute");
  EXPECT_EQ(holder.at("stacks"), 2);
  EXPECT_EQ(holder.at("in_kernel"), 0);
  for (const std::string number : {"0", "1", "2", "3"}) {
    const json& waiter = thread_of(samples.at("threads"), sample, "lookup-" + number);
    EXPECT_EQ(waiter.at("ran"), false);
    EXPECT_EQ(waiter.at("stacks"), 0);
  }
}

TEST(RunningHolder, ThatMakesSystemCallsIsToldSo) {
  const SampleRun sample({"running_holder", "calls", "O2"});
  const json target = diagnose(sample.target(), {"--samples", "5", "--interval", "100ms"});
  const json& samples = target.at("samples");
  EXPECT_EQ(samples.at("looks"), 5);
  const json& holder = thread_of(samples.at("threads"), sample, "rebuilder");
  EXPECT_EQ(function_at(target, sample, "rebuilder", holder.at("frame")), "Table::ask_kernel");
  EXPECT_EQ(holder.at("ran"), true);
  EXPECT_EQ(holder.at("stacks"), 5);
  EXPECT_GT(holder.at("in_kernel"), 0);
  EXPECT_EQ(holder.at("syscall").at("number"), SYS_read);
  EXPECT_GT(holder.at("kernel_time_ns").get<long>(), holder.at("cpu_time_ns").get<long>() / 2);
}

TEST(RunningHolder, IsNotLookedAtAgainWhereThatIsNotWanted) {
  const SampleRun sample({"running_holder", "computes", "O2"});
  EXPECT_TRUE(diagnose(sample.target(), {"--samples", "1"}).at("samples").is_null());
  const GCore core(sample.truth().pid);
  if (core.path.empty()) GTEST_SKIP() << core.why_not;
  const json target = diagnose(core.path, {"--samples", "3"});
  EXPECT_TRUE(target.at("samples").is_null());
  const json& holder = thread_of(target.at("threads"), sample, "rebuilder");
  EXPECT_EQ(holder.at("activity"), "runs");
}

TEST(Livelock, IsNoDeadlockAndBothAreSeenToRun) {
  const SampleRun sample({"livelock", "", "O2"});
  for (int look = 0; look < 5; ++look) {
    EXPECT_EQ(diagnose(sample.target()).at("findings"), json::array());
  }
  const json target = diagnose(sample.target(), {"--samples", "4", "--interval", "200ms"});
  EXPECT_EQ(target.at("verdict"), "no_hang_found");
  for (const std::string role : {"payer-0", "payer-1"}) {
    const json& payer = thread_of(target.at("samples").at("threads"), sample, role);
    EXPECT_EQ(payer.at("ran"), true) << role;
    const std::string function = function_at(target, sample, role, payer.at("frame"));
    EXPECT_TRUE(function == "transfer" || function == "keep_in_step") << role << ": " << function;
  }
}

/// A thread that only sleeps is not stopped again and again, and none of them for longer.
TEST(Samples, DoNotStopThreadsThatSleep) {
  const SampleRun sample({"sleeping_holder", "", "O2"});
  const json target = diagnose(sample.target(), {"--samples", "4", "--interval", "10ms"});
  for (const json& thread : target.at("samples").at("threads")) {
    EXPECT_EQ(thread.at("ran"), false) << thread;
    EXPECT_EQ(thread.at("stacks"), 0) << thread;
  }
}

}  // namespace
}  // namespace pstuck::testing
