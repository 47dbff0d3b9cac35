// Programs of Debian's that wait for each other, as people write it in scripts.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tests/integration/expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

/// The names of those who are in the deadlock, once there is one.
std::multiset<std::string> names_in_deadlock(const Command& targets, std::size_t members,
                                             const std::string& evidence = "recorded") {
  json report;
  const bool found = poll_until([&] {
    report = report_on(targets);
    const json& deadlocks = report.at("across").at("deadlocks");
    return deadlocks.size() == 1 && deadlocks.at(0).at("members").size() == members;
  });
  std::multiset<std::string> names;
  if (!found) return names;
  const json& deadlock = report.at("across").at("deadlocks").at(0);
  EXPECT_EQ(deadlock.at("evidence"), evidence) << deadlock;
  for (const json& member : deadlock.at("members")) {
    for (const char* list : {"targets", "followed"}) {
      for (const json& target : report.at(list)) {
        const json& process = target.at("process");
        if (process.at("pid") == member.at("pid")) names.insert(process.at("name"));
      }
    }
  }
  return names;
}

/// Takes one file's lock and, when the other script has its own, wants that too.
Command script_with_two_locks(const std::string& first, const std::string& second) {
  return {"bash",
          "-c",
          R"(exec 8>"$1"; flock 8; : >"$1.taken"
             until [ -e "$2.taken" ]; do sleep 0.01; done
             exec 9>"$2"; flock 9; exit 1)",
          "script",
          first,
          second};
}

TEST(RealPrograms, TwoScriptsWithTwoFileLocks) {
  const auto directory = make_test_directory();
  const Subprocess one(script_with_two_locks(directory / "a", directory / "b"));
  const Subprocess other(script_with_two_locks(directory / "b", directory / "a"));
  EXPECT_EQ(names_in_deadlock({std::to_string(one.pid())}, 4),
            (std::multiset<std::string>{"bash", "bash", "flock", "flock"}));
  std::filesystem::remove_all(directory);
}

/// Opens the one to read, and then would the other to write.
Command script_with_two_fifos(const std::string& first, const std::string& second) {
  return {"bash", "-c", R"(exec 3<"$1"; exec 4>"$2"; cat <&3 >&4)", "script", first, second};
}

// Nobody but the two has to do with them; the kernel does not know that, so it is likely.
TEST(RealPrograms, TwoScriptsThatOpenTwoFifosInOppositeOrder) {
  const auto directory = make_test_directory();
  const std::string requests = directory / "requests";
  const std::string replies = directory / "replies";
  ASSERT_EQ(run({"mkfifo", requests, replies}).status, 0);
  const Subprocess one(script_with_two_fifos(requests, replies));
  const Subprocess other(script_with_two_fifos(replies, requests));
  EXPECT_EQ(names_in_deadlock({std::to_string(one.pid())}, 2, "inferred"),
            (std::multiset<std::string>{"bash", "bash"}));
  std::filesystem::remove_all(directory);
}

bool waits_to_open(const json& target) {
  const json& wait = target.at("threads").at(0).at("kernel_wait");
  return wait.is_object() && wait.at("act") == "open";
}

/// Looks as soon as each of them waits to open a FIFO.
void expect_both_open_without_deadlock(const Subprocess& one, const Subprocess& other) {
  json report;
  EXPECT_TRUE(poll_until([&] {
    report = report_on({std::to_string(one.pid()), std::to_string(other.pid())});
    return std::ranges::all_of(report.at("targets"), waits_to_open);
  })) << report.dump(1);
  EXPECT_TRUE(report.at("across").at("deadlocks").empty()) << report.at("across");
}

// As in a container, whose root is an overlay over directories of its host.
TEST(RealPrograms, TwoScriptsWithFifosOnAnOverlay) {
  const std::string on_overlay =
      "cd \"$0\" && mkdir lower upper work root && "
      "mount -t overlay none -o lowerdir=\"$0/lower\",upperdir=\"$0/upper\",workdir=\"$0/work\" "
      "root";
  const auto directory = make_test_directory();
  const Command in_own_mounts = {"unshare", "--mount", "bash", "-c"};
  Command command = in_own_mounts;
  command.insert(command.end(), {on_overlay, directory});
  if (run(command).status != 0) GTEST_SKIP() << "no mount namespaces or overlays here";
  command[4] = R"sh(
mount -t overlay none -o lowerdir="$0/lower",upperdir="$0/upper",workdir="$0/work" "$0/root"
cd "$0/root" && mkfifo requests replies
bash -c 'exec 3<requests; exec 4>replies' &
exec 3<replies; exec 4>requests
)sh";
  const Subprocess script(command);
  EXPECT_EQ(names_in_deadlock({std::to_string(script.pid())}, 2, "inferred"),
            (std::multiset<std::string>{"bash", "bash"}));
  std::filesystem::remove_all(directory);
}

// Who waits to open one of them, but has never heard of the other, is no partner.
TEST(RealPrograms, AScriptThatDoesNotKnowTheOtherFifoIsInNoDeadlock) {
  const auto directory = make_test_directory();
  const std::string requests = directory / "requests";
  const std::string replies = directory / "replies";
  ASSERT_EQ(run({"mkfifo", requests, replies}).status, 0);
  const Subprocess one(script_with_two_fifos(requests, replies));
  const Subprocess unrelated({"bash", "-c", R"(exec 3<"$1")", "script", replies});
  expect_both_open_without_deadlock(one, unrelated);
  std::filesystem::remove_all(directory);
}

// As a service's loops over its FIFOs: one script's parts all have the names of all.
TEST(RealPrograms, TwoPartsOfOneScriptThatReadTheirFifosAreIdle) {
  const auto directory = make_test_directory();
  const std::string requests = directory / "requests";
  const std::string control = directory / "control";
  ASSERT_EQ(run({"mkfifo", requests, control}).status, 0);
  const Subprocess script(
      {"bash", "-c",
       R"(for fifo in "$@"; do (while read -r line < "$fifo"; do :; done) & done; wait)", "script",
       requests, control});
  json report;
  EXPECT_TRUE(poll_until([&] {
    report = report_on({"--tree", std::to_string(script.pid())});
    return std::ranges::count_if(report.at("targets"), waits_to_open) == 2;
  })) << report.dump(1);
  EXPECT_TRUE(report.at("across").at("deadlocks").empty()) << report.at("across");
  std::filesystem::remove_all(directory);
}

// Two services of one session, each with its own directory, have FIFOs of the same names.
TEST(RealPrograms, TheSameNameElsewhereIsAnotherFifo) {
  const auto here = make_test_directory();
  const auto there = make_test_directory();
  for (const auto& directory : {here, there}) {
    ASSERT_EQ(run({"mkfifo", directory / "requests", directory / "replies"}).status, 0);
  }
  const Subprocess one(script_with_two_fifos(here / "requests", here / "replies"));
  const Subprocess other(script_with_two_fifos(there / "replies", there / "requests"));
  expect_both_open_without_deadlock(one, other);
  std::filesystem::remove_all(here);
  std::filesystem::remove_all(there);
}

TEST(RealPrograms, PythonWaitsForAChildWhoseOutputItDoesNotRead) {
  if (run({"python3", "-c", ""}).status != 0) GTEST_SKIP() << "python3 is not installed";
  const Subprocess python({"python3", "-c",
                           "import subprocess\n"
                           "subprocess.Popen(['head', '-c', '1000000', '/dev/zero'],\n"
                           "                 stdout=subprocess.PIPE).wait()\n"});
  const auto names = names_in_deadlock({std::to_string(python.pid())}, 2);
  EXPECT_TRUE(names.contains("head"));
  EXPECT_EQ(names.size(), 2U);
}

TEST(RealPrograms, AShellBetweenThemHidesNothing) {
  if (run({"python3", "-c", ""}).status != 0) GTEST_SKIP() << "python3 is not installed";
  const Subprocess python({"python3", "-c",
                           "import subprocess\n"
                           "subprocess.Popen('head -c 1000000 /dev/zero; true', shell=True,\n"
                           "                 stdout=subprocess.PIPE).wait()\n"});
  EXPECT_TRUE(names_in_deadlock({std::to_string(python.pid())}, 3).contains("sh"));
}

// The server waits for the first words of TLS, and a client that speaks without it for a greeting.
TEST(RealPrograms, OpensslAndAClientWithoutTls) {
  const auto directory = make_test_directory();
  const std::string key = directory / "key";
  const std::string certificate = directory / "certificate";
  if (run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
           "/CN=localhost", "-keyout", key, "-out", certificate})
          .status != 0) {
    GTEST_SKIP() << "openssl is not installed";
  }
  Subprocess server(
      {"openssl", "s_server", "-accept", "127.0.0.1:0", "-key", key, "-cert", certificate, "-www"});
  const std::string mark = "ACCEPT 127.0.0.1:";
  std::string line;
  while (!line.starts_with(mark)) {
    line = server.read_line();
    ASSERT_FALSE(line.empty());
  }
  const std::string idle = "Nothing is stuck";
  const std::string target = std::to_string(server.pid());
  EXPECT_TRUE(poll_until([&] { return run(pstuck_command({target})).out.starts_with(idle); }));
  const Subprocess client(
      {"bash", "-c", "read -r greeting < \"/dev/tcp/127.0.0.1/$0\"", line.substr(mark.size())});
  EXPECT_EQ(names_in_deadlock({target}, 2, "inferred"),  // bash has a handler for ends of children
            (std::multiset<std::string>{"bash", "openssl"}));
  std::filesystem::remove_all(directory);
}

/// As two containers, connected by a pair of virtual network devices.
constexpr const char* kTwoNetworks = R"sh(
ip link set lo up
coproc inner { exec unshare --net bash -c "$0" "$1"; }
until [ "$(readlink /proc/$inner_PID/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
  sleep 0.01
done
ip link add outside type veth peer name inside netns "$inner_PID"
ip address add 10.9.0.1/24 dev outside
ip link set outside up
echo >&"${inner[1]}"
exec python3 -c "$2"
)sh";
constexpr const char* kInside = R"sh(
read -r
ip address add 10.9.0.2/24 dev inside
ip link set inside up
exec python3 -c "$0"
)sh";

TEST(RealPrograms, ServerAndClientInTwoNetworkNamespaces) {
  const Command try_it = {"unshare", "--net", "ip", "link", "add", "pair", "type", "veth"};
  if (run(try_it).status != 0) GTEST_SKIP() << "no network namespaces, ip or virtual devices here";
  const Subprocess server({"unshare", "--net", "bash", "-c", kTwoNetworks, kInside,
                           "import socket, time\n"
                           "while True:\n"
                           "  try: connection = socket.create_connection(('10.9.0.1', 5000))\n"
                           "  except OSError: time.sleep(0.01)\n"
                           "  else: break\n"
                           "connection.recv(1)\n",
                           "import socket\n"
                           "socket.create_server(('10.9.0.1', 5000)).accept()[0].recv(1)\n"});
  EXPECT_EQ(names_in_deadlock({std::to_string(server.pid())}, 2),
            (std::multiset<std::string>{"python3", "python3"}));
}

TEST(RealPrograms, APipelineThatWaitsForMoreIsNotStuck) {
  const Subprocess shell({"bash", "-c", "tail -f /dev/null | cat; exit 1"});
  json report;
  const auto sleeps = [&] {
    report = report_on({"--tree", std::to_string(shell.pid())});
    return report.at("targets").size() == 3;
  };
  ASSERT_TRUE(poll_until(sleeps));
  EXPECT_TRUE(report.at("across").at("deadlocks").empty()) << report.at("across");
  EXPECT_EQ(report.at("across").at("moved"), 0);
}

}  // namespace
}  // namespace pstuck::testing
