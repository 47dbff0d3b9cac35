// Servers as Debian has them: an idle one is not stuck, and of waits in its own lock table pstuck
// says that the server must be asked.

#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "attach/proc_parse.h"
#include "tests/integration/subprocess.h"

namespace pstuck::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIdle = "Nothing is stuck";

/// A directory of its own that this user owns; short, since a socket's path is.
class Home {
 public:
  explicit Home(const char* user) : user_(::geteuid() == 0 ? user : "") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    const passwd* const entry = user_.empty() ? nullptr : ::getpwnam(user);
    if (entry == nullptr) return;
    EXPECT_EQ(::chown(path_.c_str(), entry->pw_uid, entry->pw_gid), 0);
  }
  ~Home() { fs::remove_all(path_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }

  /// The command as the user runs it: root must not run some servers.
  [[nodiscard]] Command as_user(const Command& command) const {
    if (user_.empty()) return command;
    Command whole = {"setpriv", "--reuid", user_, "--regid", user_, "--clear-groups"};
    whole.insert(whole.end(), command.begin(), command.end());
    return whole;
  }

 private:
  std::string path_ = "/tmp/pstuck-XXXXXX";
  std::string user_;
};

/// Ended as its manual says, so that it cleans up behind itself.
class Server {
 public:
  explicit Server(const Command& command, int end_signal = SIGTERM)
      : process_(command), end_signal_(end_signal) {}
  ~Server() {
    ::kill(process_.pid(), end_signal_);
    process_.finish(std::chrono::seconds(20));
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  Subprocess process_;
  int end_signal_;
};

bool succeeds(const Command& command) { return run(command).status == 0; }

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string text;
    if (!std::getline(file, text)) continue;
    const auto stat = parse_stat(text);
    if (stat && stat->parent.value == parent)
      children.push_back(std::stoi(entry.path().filename()));
  }
  return children;
}

std::string look_at(pid_t pid) {
  return run({PSTUCK_BINARY, "--exit-code", "--color", "never", std::to_string(pid)}).out;
}

/// Once it has gone to rest; and before that no hang is reported either.
void expect_idle(pid_t pid) {
  std::string report;
  const bool idle = poll_until([&] {
    report = look_at(pid);
    EXPECT_EQ(report.find("STUCK"), std::string::npos) << report;
    EXPECT_EQ(report.find("DEADLOCK"), std::string::npos) << report;
    return report.starts_with(kIdle);
  });
  EXPECT_TRUE(idle) << report;
}

/// Of a server's thread that waits in the server's own lock table; how to ask it.
std::string expect_question(pid_t pid, const std::string& reason) {
  std::string report;
  poll_until([&] {
    report = look_at(pid);
    return report.find(reason) != std::string::npos;
  });
  EXPECT_EQ(report.find(kIdle), std::string::npos) << report;
  EXPECT_EQ(report.find("STUCK"), std::string::npos) << report;
  EXPECT_EQ(report.find("DEADLOCK"), std::string::npos) << report;
  EXPECT_NE(report.find("\nASK "), std::string::npos) << report;
  const std::size_t at = report.find(reason + "; who has it only the program knows\n");
  if (at == std::string::npos) {
    ADD_FAILURE() << report;
    return {};
  }
  const std::string before = "Ask it: ";
  const std::size_t command = report.find(before, at) + before.size();
  return report.substr(command, report.find('\n', command) - command);
}

TEST(IdleServer, Nginx) {
  if (!fs::exists("/usr/sbin/nginx")) GTEST_SKIP() << "no nginx here";
  const Home home("root");
  std::ofstream config(home.at("conf"));
  config << "daemon off; worker_processes 2; pid " << home.at("pid") << "; error_log stderr;\n"
         << "thread_pool default threads=3;\nevents {}\nhttp {\n  access_log off; aio threads;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    config << "  " << kind << "_temp_path " << home.at(kind) << ";\n";
  }
  config << "  server { listen unix:" << home.at("socket") << "; }\n}\n";
  config.close();
  const Server server({"/usr/sbin/nginx", "-c", home.at("conf"), "-e", "stderr"});
  ASSERT_TRUE(poll_until([&] { return children_of(server.pid()).size() == 2; }));
  expect_idle(server.pid());
  for (const pid_t worker : children_of(server.pid())) {
    ASSERT_TRUE(poll_until([&] {
      return look_at(worker).find("3 wait for work (nginx's thread pool)") != std::string::npos;
    })) << look_at(worker);
    expect_idle(worker);
  }
}

TEST(IdleServer, Redis) {
  if (!fs::exists("/usr/bin/redis-server")) GTEST_SKIP() << "no redis here";
  const Home home("redis");
  const Server server(
      home.as_user({"/usr/bin/redis-server", "--port", "0", "--unixsocket", home.at("socket"),
                    "--dir", home.at(""), "--save", "", "--io-threads", "4"}));
  ASSERT_TRUE(poll_until([&] { return succeeds({"redis-cli", "-s", home.at("socket"), "ping"}); }));
  expect_idle(server.pid());
  const std::string report = look_at(server.pid());
  EXPECT_NE(report.find("3 wait for work (Redis's I/O threads)"), std::string::npos) << report;
  EXPECT_NE(report.find("3 wait for work (Redis's background jobs)"), std::string::npos) << report;
}

/// A cluster of its own, and sessions with it.
class Postgres : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<fs::path> versions;
    if (fs::exists("/usr/lib/postgresql")) {
      for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql")) {
        if (fs::exists(entry.path() / "bin/postgres")) versions.push_back(entry.path() / "bin");
      }
    }
    if (versions.empty()) GTEST_SKIP() << "no PostgreSQL here";
    const fs::path bin = std::ranges::max(versions);
    ASSERT_TRUE(succeeds(home_.as_user(
        {bin / "initdb", "-D", home_.at("data"), "-A", "trust", "-U", "postgres", "--no-sync"})));
    server_.emplace(
        home_.as_user({bin / "postgres", "-D", home_.at("data"), "-k", home_.at(""), "-c",
                       "listen_addresses=", "-c", "deadlock_timeout=1h", "-c", "fsync=off"}),
        SIGINT);
    ASSERT_TRUE(poll_until([&] { return ask("select 1") == "1\n"; }));
  }

  [[nodiscard]] Command psql() const {
    return {"psql", "-X", "-h", home_.at(""), "-U", "postgres", "-qAt"};
  }

  [[nodiscard]] std::string ask(const std::string& query) const {
    Command command = psql();
    command.insert(command.end(), {"-c", query});
    return run(command).out;
  }

  /// The backend's id; the session has begun a transaction.
  static pid_t begin(Subprocess& session) {
    session.write_line("begin; select pg_backend_pid();");
    return std::stoi(session.read_line());
  }

  Home home_{"postgres"};
  std::optional<Server> server_;
};

TEST_F(Postgres, IsIdle) {
  Subprocess session(psql());
  const pid_t backend = begin(session);
  expect_idle(server_->pid());
  const auto processes = children_of(server_->pid());
  EXPECT_GE(processes.size(), 5U);
  for (const pid_t process : processes) expect_idle(process);
  const std::string report = look_at(backend);
  EXPECT_NE(report.find("from the client of a PostgreSQL backend"), std::string::npos) << report;
}

TEST_F(Postgres, MustBeAskedForWhomItsSessionsWait) {
  ASSERT_EQ(ask("create table t(id int primary key, v int); insert into t values (1, 0), (2, 0)"),
            "");
  Subprocess one(psql());
  Subprocess two(psql());
  const pid_t first = begin(one);
  const pid_t second = begin(two);
  one.write_line("update t set v = 1 where id = 1 returning id;");
  two.write_line("update t set v = 2 where id = 2 returning id;");
  ASSERT_EQ(one.read_line() + two.read_line(), "12");
  one.write_line("update t set v = 1 where id = 2;");
  two.write_line("update t set v = 2 where id = 1;");
  ASSERT_TRUE(poll_until([&] {
    return ask("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") == "2\n";
  }));
  for (const pid_t backend : {first, second}) {
    const std::string question = expect_question(backend, "a lock in PostgreSQL's own lock table");
    const std::string object = "sleeps in epoll_wait on epoll descriptor ";
    EXPECT_NE(look_at(backend).find(object), std::string::npos);
    const Outcome answer =
        run({"env", "PGHOST=" + home_.at(""), "PGUSER=postgres", "sh", "-c", question});
    for (const pid_t waiter : {first, second}) {
      EXPECT_NE(answer.out.find(std::to_string(waiter)), std::string::npos) << answer.out;
    }
  }
}

TEST(MariaDb, IsIdleAndMustBeAskedForWhomItsSessionsWait) {
  if (!fs::exists("/usr/sbin/mariadbd")) GTEST_SKIP() << "no MariaDB here";
  const Home home("mysql");
  ASSERT_TRUE(succeeds(
      home.as_user({"mariadb-install-db", "--no-defaults", "--skip-test-db",
                    "--datadir=" + home.at("data"), "--auth-root-authentication-method=normal"})));
  const Server server(home.as_user({"/usr/sbin/mariadbd", "--no-defaults", "--skip-networking",
                                    "--datadir=" + home.at("data"), "--socket=" + home.at("socket"),
                                    "--innodb-flush-log-at-trx-commit=0"}));
  std::ofstream(home.at(".my.cnf")) << "[client]\nuser=root\nsocket=" << home.at("socket") << "\n";
  const std::string settings = "HOME=" + home.at("");
  const auto client = [&](const Command& arguments) {
    Command command = {"env", settings, "mariadb"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  };
  ASSERT_TRUE(poll_until([&] { return succeeds(client({"-e", "select 1"})); }));
  expect_idle(server.pid());

  ASSERT_TRUE(succeeds(client({"-e",
                               "create database d; create table d.t(id int primary key, v int); "
                               "insert into d.t values (1, 0)"})));
  Subprocess holder(client({"-N", "-n", "-q", "d"}));
  holder.write_line("begin; update t set v = 1; select connection_id();");
  const std::string holder_id = holder.read_line();
  Subprocess writer(client({"-N", "-n", "-q", "d"}));
  writer.write_line("update t set v = 2;");
  const std::string rows =
      expect_question(server.pid(), "something of a storage engine, as a row lock of InnoDB");
  const Outcome who = run({"env", settings, "sh", "-c", rows});
  EXPECT_NE(who.out.find("update t set v = 2\t" + holder_id), std::string::npos)
      << who.out << who.err;

  Subprocess changer(client({"-N", "-n", "-q", "d"}));
  changer.write_line("alter table t add column w int;");
  const std::string metadata = expect_question(server.pid(), "a metadata lock of MariaDB");
  const Outcome locks = run({"env", settings, "sh", "-c", metadata});
  EXPECT_NE(locks.out.find(holder_id + "\tMDL_"), std::string::npos) << locks.out << locks.err;
}

}  // namespace
}  // namespace pstuck::testing
