// Debian's python3: a child of a fork that waits for a lock which came with the fork.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/subprocess.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

constexpr const char* kPython = "/usr/bin/python3";

/// The child of a script, which prints the child's id and waits for it.
struct Forked {
  explicit Forked(const std::string& before, const std::string& in_child)
      : parent({kPython, "-c",
                "import os, signal, threading, time\n" + before +
                    "\npid = os.fork()\nif pid == 0:\n    " + in_child +
                    "\nprint(pid, flush=True)\nos.waitpid(pid, 0)\n"}),
        child(parent.read_line()) {}

  Subprocess parent;
  std::string child;
};

constexpr const char* kThreadWithTheLock = R"(
lock = threading.Lock()
taken = threading.Event()
def keep():
    with lock:
        taken.set()
        time.sleep(1000)
threading.Thread(target=keep, daemon=True).start()
taken.wait()
)";

constexpr const char* kThreadThatHasGivenItBack = R"(
lock = threading.Lock()
taken = threading.Event()
forked = threading.Event()
def keep():
    with lock:
        taken.set()
        forked.wait()
threading.Thread(target=keep, daemon=True).start()
os.register_at_fork(after_in_parent=forked.set)
taken.wait()
)";

json look_at(const std::string& pid) {
  const Outcome outcome = run({PSTUCK_BINARY, "--format", "json", pid});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json report = json::parse(outcome.out, nullptr, false);
  return report.is_object() ? report["targets"][0] : json();
}

bool waits(const json& target) {
  return target["threads"].size() == 1 && target["threads"][0]["wait"].is_object();
}

/// A finding needs more than the wait: two looks between which the thread did not run, which a look
/// taken as it begins to wait may lack.
bool stands_still(const json& target) { return waits(target) && !target["findings"].empty(); }

/// Once the child is as expected.
json look_at_child(const Forked& forked, bool (*is_expected)(const json& target)) {
  json target;
  EXPECT_TRUE(poll_until([&] {
    target = look_at(forked.child);
    return is_expected(target);
  })) << target.dump(1);
  return target;
}

void expect_inherited(const Forked& forked, const std::string& evidence) {
  const json target = look_at_child(forked, stands_still);
  const std::string parent = std::to_string(forked.parent.pid());
  ASSERT_TRUE(target["process"]["forked_from"].is_object()) << target["process"].dump(1);
  EXPECT_EQ(target["process"]["forked_from"]["pid"], forked.parent.pid());
  EXPECT_EQ(target["process"]["forked_from"]["command_line"][0], kPython);
  ASSERT_EQ(target["findings"].size(), 1U) << target.dump(1);
  EXPECT_EQ(target["findings"][0]["kind"], "all_asleep");
  EXPECT_EQ(target["findings"][0]["evidence"], "inferred");
  const std::string sentence = target["findings"][0]["sentence"];
  EXPECT_NE(sentence.find("the process was forked from "), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("(pid " + parent + ")"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("likely a thread there had the lock"), std::string::npos) << sentence;
  const std::string text = run({PSTUCK_BINARY, forked.child}).out;
  EXPECT_NE(text.find(evidence), std::string::npos) << text;
}

class ForkedPython : public ::testing::Test {
 protected:
  void SetUp() override {
    if (run({kPython, "-c", ""}).status != 0) GTEST_SKIP() << "no python3 here";
  }
};

TEST_F(ForkedPython, WaitsForALockOfAThreadThatItDoesNotHave) {
  expect_inherited(Forked(kThreadWithTheLock, "lock.acquire()"),
                   "the parent's own copy is taken now too");
}

TEST_F(ForkedPython, WaitsForALockThatTheParentHasGivenBackSince) {
  expect_inherited(Forked(kThreadThatHasGivenItBack, "lock.acquire()"),
                   "the parent's own copy is free now");
}

TEST_F(ForkedPython, WaitsForALockThatItsOnlyThreadTookBeforeTheFork) {
  expect_inherited(Forked("lock = threading.Lock()\nlock.acquire()", "lock.acquire()"),
                   "the parent's own copy is taken now too");
}

// Which a handler ends, and it is none of the parent's.
TEST_F(ForkedPython, MayWaitForASignal) {
  const Forked forked(
      "",
      "stop = threading.Event(); signal.signal(signal.SIGTERM, lambda *_: stop.set()); "
      "stop.wait(); os._exit(0)");
  EXPECT_TRUE(look_at_child(forked, waits)["findings"].empty());
}

TEST_F(ForkedPython, IsNoneWhenAProgramWasExecutedSince) {
  Subprocess shell({"sh", "-c",
                    std::string(kPython) +
                        " -c 'import os, threading; print(os.getpid(), flush=True); l = "
                        "threading.Lock(); l.acquire(); l.acquire()'; true"});
  const std::string pid = shell.read_line();
  json target;
  poll_until([&] {
    target = look_at(pid);
    return target["threads"][0]["wait"].is_object();
  });
  EXPECT_TRUE(target["process"]["forked_from"].is_null()) << target["process"].dump(1);
  EXPECT_TRUE(target["findings"].empty()) << target["findings"].dump(1);
}

}  // namespace
}  // namespace pstuck::testing
