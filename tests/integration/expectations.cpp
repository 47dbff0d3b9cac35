#include "tests/integration/expectations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <compare>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

namespace pstuck::testing {
namespace {

using nlohmann::json;

/// The checks on one target, with what all of them need.
class Expectations {
 public:
  Expectations(const json& target, const SampleCase& sample, const Truth& truth, Source source)
      : target_(target), sample_(sample), truth_(truth), source_(source) {}

  void expect_findings() const;
  void expect_cycles() const;
  void expect_knots() const;
  void expect_waits() const;
  void expect_holders() const;
  void expect_holds() const;
  void expect_no_other_holds() const;
  void expect_pile_ups() const;
  void expect_names() const;
  void expect_partners() const;
  void expect_missing() const;
  void expect_unknown() const;
  void expect_mutexes_of_conditions() const;
  void print_table() const;

 private:
  /// False when the fact needs what this variant of the sample does not have: then it may be
  /// missing.
  [[nodiscard]] bool must_show(const std::string& fact) const;
  [[nodiscard]] int tid(const std::string& role) const { return truth_.tids.at(role); }
  [[nodiscard]] const json* find_thread(int tid) const;
  [[nodiscard]] bool is_kind(const json& kind, const std::string& true_kind,
                             const std::string& of_atomics) const;
  [[nodiscard]] bool is_lock(const json& resource, const std::string& name) const;
  [[nodiscard]] const json* find_lock(const std::string& name) const;
  [[nodiscard]] const json& resource_of(const json& part) const {
    return target_.at("resources").at(part.at("resource").get<std::size_t>());
  }
  [[nodiscard]] const TrueWait& wait_of(const std::string& role) const;
  void expect_cycle(const std::vector<std::string>& roles) const;
  void expect_resource(const json& resource, const TrueWait& wait) const;
  void expect_frame(const json& thread, const TrueWait& wait) const;
  void expect_holder(const json& holder, const std::string& role) const;
  [[nodiscard]] const json* find_hold(const json& thread, const std::string& lock) const;
  void expect_acquisition(const json& thread, const json& acquisition, const TrueHold& hold) const;
  [[nodiscard]] bool took_several(const TrueHold& hold) const;
  void expect_function(const json& frame, const std::string& function) const;
  void expect_place(const json& place, const TruePlace& true_place) const;
  [[nodiscard]] bool has_cycle() const;
  [[nodiscard]] std::size_t count_threads(const TruePileUp& pile_up) const;
  void expect_partners_of(const std::string& lock, const json& resource) const;
  void print_row(const TrueWait& wait) const;

  const json& target_;
  const SampleCase& sample_;
  const Truth& truth_;
  Source source_;
};

std::string hex(std::uint64_t address) {
  std::ostringstream text;
  text << "0x" << std::hex << address;
  return text.str();
}

std::string name_kind(const TrueWait& wait) {
  if (wait.kind == "relock") return "relock_after_condition";
  return wait.kind == "timed" ? "lock" : wait.kind;
}

/// A thread without its frames.
std::string describe(json thread) {
  thread.at("stack").erase("frames");
  return thread.dump();
}

const json* Expectations::find_thread(int tid) const {
  for (const json& thread : target_.at("threads")) {
    if (thread.at("tid") == tid) return &thread;
  }
  return nullptr;
}

bool Expectations::must_show(const std::string& fact) const {
  const auto needs = truth_.needs.find(fact);
  return needs == truth_.needs.end() ||
         std::all_of(needs->second.begin(), needs->second.end(),
                     [this](const std::string& what) { return sample_.has(what); });
}

/// Of a resource, or of a wait for one: `of_atomics` is what it is where names are missing.
bool Expectations::is_kind(const json& kind, const std::string& true_kind,
                           const std::string& of_atomics) const {
  return kind == true_kind || (!must_show("kind") && kind == of_atomics);
}

/// What only libc knows the address of is found by its waiters.
bool Expectations::is_lock(const json& resource, const std::string& name) const {
  const TrueLock& lock = truth_.locks.at(name);
  if (!is_kind(resource.at("kind"), lock.kind, "atomic")) return false;
  if (lock.address != 0) return resource.at("address") == hex(lock.address);
  return std::any_of(truth_.waits.begin(), truth_.waits.end(), [&](const TrueWait& wait) {
    const json* thread = find_thread(tid(wait.role));
    return wait.resource == name && thread != nullptr && !thread->at("wait").is_null() &&
           resource_of(thread->at("wait")) == resource;
  });
}

const json* Expectations::find_lock(const std::string& name) const {
  for (const json& resource : target_.at("resources")) {
    if (is_lock(resource, name)) return &resource;
  }
  return nullptr;
}

const TrueWait& Expectations::wait_of(const std::string& role) const {
  return *std::find_if(truth_.waits.begin(), truth_.waits.end(),
                       [&](const TrueWait& wait) { return wait.role == role; });
}

void Expectations::expect_findings() const {
  std::vector<TrueFinding> expected = truth_.findings;
  // A core has no other processes in it: that the owner lives on in the parent cannot be seen.
  for (TrueFinding& finding : expected) {
    if (source_ == Source::kCore && finding.kind == "fork_inherited") finding.kind = "owner_exited";
  }
  std::sort(expected.begin(), expected.end());
  std::vector<TrueFinding> found = find_findings(target_);
  // On a slow machine a sleeping holder may already count as stalled.
  if (!truth_.root.empty() && !truth_.healthy) {
    std::erase_if(found, [](const auto& finding) { return finding.kind == "stalled_holder"; });
  }
  if (!must_show("finding")) {
    EXPECT_TRUE(std::includes(expected.begin(), expected.end(), found.begin(), found.end()))
        << target_.at("findings").dump();
    return;
  }
  EXPECT_EQ(found, expected) << target_.at("findings").dump();
  if (truth_.healthy) {
    EXPECT_EQ(target_.at("verdict"), "no_hang_found");
  } else if (!truth_.cycles.empty() || !truth_.knots.empty()) {
    EXPECT_EQ(target_.at("verdict"), "deadlock");
  } else if (!expected.empty()) {
    EXPECT_EQ(target_.at("verdict"), "stuck");
  }
}

void Expectations::expect_cycles() const {
  const std::size_t cycles = truth_.cycles.size() + truth_.knots.size();
  if (!must_show("cycle") && target_.at("cycles").size() < cycles) return;
  EXPECT_EQ(target_.at("cycles").size(), cycles);
  for (const auto& roles : truth_.cycles) expect_cycle(roles);
}

/// All of these threads and no others, whichever of the others each one needs.
void Expectations::expect_knots() const {
  for (const auto& roles : truth_.knots) {
    std::vector<int> members;
    for (const std::string& role : roles) members.push_back(tid(role));
    std::sort(members.begin(), members.end());
    bool found = !must_show("cycle");
    for (const json& cycle : target_.at("cycles")) {
      std::vector<int> tids;
      for (const json& wait : cycle.at("waits")) tids.push_back(wait.at("tid"));
      std::sort(tids.begin(), tids.end());
      found = found || tids == members;
    }
    EXPECT_TRUE(found) << "no knot of " << roles.size() << ": " << target_.at("cycles").dump();
  }
}

/// The report begins a cycle with its lowest tid.
void Expectations::expect_cycle(const std::vector<std::string>& roles) const {
  std::vector<std::string> in_order = roles;
  std::rotate(in_order.begin(),
              std::min_element(in_order.begin(), in_order.end(),
                               [this](const auto& a, const auto& b) { return tid(a) < tid(b); }),
              in_order.end());
  for (const json& cycle : target_.at("cycles")) {
    const json& waits = cycle.at("waits");
    if (waits.size() != in_order.size() || waits.at(0).at("tid") != tid(in_order.at(0))) continue;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      EXPECT_EQ(waits.at(i).at("tid"), tid(in_order[i])) << in_order[i];
      EXPECT_EQ(waits.at(i).at("holder_tid"), tid(in_order[(i + 1) % waits.size()])) << in_order[i];
      const json& resource = resource_of(waits.at(i));
      expect_resource(resource, wait_of(in_order[i]));
    }
    return;
  }
  ADD_FAILURE() << "no cycle of " << roles.size() << " waits that begins with " << in_order.at(0);
}

void Expectations::expect_resource(const json& resource, const TrueWait& wait) const {
  if (wait.kind == "join") {
    EXPECT_EQ(resource.at("kind"), "thread");
    EXPECT_EQ(resource.at("holder").at("tid"), tid(wait.resource));
    return;
  }
  EXPECT_TRUE(is_lock(resource, wait.resource)) << wait.resource << ": " << resource.dump();
  if (!wait.resource.starts_with("g_") || !sample_.has_symbols()) return;
  const std::string variable = wait.resource.substr(0, wait.resource.find('.'));
  const std::string name = resource.at("name");
  EXPECT_EQ(name.substr(0, name.find_first_of("+[.")), variable) << name;
}

void Expectations::expect_waits() const {
  for (const TrueWait& wait : truth_.waits) {
    SCOPED_TRACE(wait.role + " waits for " + wait.resource);
    const json* thread = find_thread(tid(wait.role));
    ASSERT_NE(thread, nullptr);
    // A core holds no names of threads, and main's is that of the process.
    if (source_ == Source::kLive && tid(wait.role) != truth_.pid) {
      EXPECT_EQ(thread->at("name"), wait.role.substr(0, 15));
    }
    const json& found = thread->at("wait");
    if (found.is_null() && !must_show("waits")) continue;
    ASSERT_FALSE(found.is_null()) << describe(*thread);
    // Once woken, a waiter has nothing but its caller's name to tell where it comes from.
    const bool nameless =
        (wait.kind == "relock" && sample_.variant == "static") || !must_show("way");
    EXPECT_TRUE(is_kind(found.at("kind"), name_kind(wait), "change") ||
                (nameless && found.at("kind") == "lock"))
        << found.at("kind");
    EXPECT_EQ(found.at("deadline").is_null(), wait.kind != "timed") << found.dump();
    expect_resource(resource_of(found), wait);
    if (sample_.has_symbols()) expect_frame(*thread, wait);
  }
}

void Expectations::expect_frame(const json& thread, const TrueWait& wait) const {
  const json& index = thread.at("wait").at("frame");
  ASSERT_FALSE(index.is_null()) << describe(thread);
  const json& frame = thread.at("stack").at("frames").at(index.get<std::size_t>());
  expect_function(frame, wait.at.function);
  expect_place(frame, wait.at);
}

void Expectations::expect_function(const json& frame, const std::string& function) const {
  std::string name = frame.value("function", json("")).is_null() ? "" : frame.at("function");
  if (name.empty()) name = name_code(sample_, frame.at("module_offset"));
  if (sample_.variant == "static") return;  // other code than O2's
  EXPECT_EQ(bare_function(name), function);
}

/// Only debug information tells lines.
void Expectations::expect_place(const json& place, const TruePlace& true_place) const {
  if (!sample_.has_symbols()) return;
  ASSERT_FALSE(place.at("file").is_null()) << place.dump();
  EXPECT_EQ(std::filesystem::path(place.at("file").get<std::string>()).filename(), true_place.file);
  EXPECT_EQ(place.at("line"), true_place.line);
}

void Expectations::expect_holders() const {
  std::set<std::string> wanted;
  for (const TrueWait& wait : truth_.waits) wanted.insert(wait.resource);
  for (const TrueHold& hold : truth_.holds) {
    if (!wanted.contains(hold.lock)) continue;
    SCOPED_TRACE(hold.role + " holds " + hold.lock);
    const json* resource = find_lock(hold.lock);
    ASSERT_NE(resource, nullptr);
    expect_holder(resource->at("holder"), hold.role);
  }
}

void Expectations::expect_holder(const json& holder, const std::string& role) const {
  EXPECT_EQ(holder.at("recorded_id"), tid(role));
  EXPECT_EQ(holder.at("evidence"), "recorded");
  if (find_thread(tid(role)) != nullptr) {
    EXPECT_EQ(holder.at("fate"), "thread");
    EXPECT_EQ(holder.at("tid"), tid(role));
  } else if (source_ == Source::kCore ||
             std::find(truth_.exited.begin(), truth_.exited.end(), role) != truth_.exited.end()) {
    EXPECT_EQ(holder.at("fate"), "exited");
  } else {
    EXPECT_EQ(holder.at("fate"), "fork_inherited");
    EXPECT_EQ(holder.at("elsewhere").at("tid"), tid(role));
  }
}

const json* Expectations::find_hold(const json& thread, const std::string& lock) const {
  for (const json& hold : thread.at("holds")) {
    if (is_lock(resource_of(hold), lock)) return &hold;
  }
  return nullptr;
}

void Expectations::expect_holds() const {
  for (const TrueHold& hold : truth_.holds) {
    SCOPED_TRACE(hold.role + " holds " + hold.lock);
    const json* thread = find_thread(tid(hold.role));
    if (thread == nullptr) continue;  // it has ended, or is one of the parent's
    const json* found = find_hold(*thread, hold.lock);
    ASSERT_NE(found, nullptr) << describe(*thread);
    if (hold.taken.line == 0) continue;
    expect_acquisition(*thread, found->at("acquisition"), hold);
  }
}

/// True when the same call of the same thread took other locks too.
bool Expectations::took_several(const TrueHold& hold) const {
  return std::count_if(truth_.holds.begin(), truth_.holds.end(), [&](const TrueHold& other) {
           return other.role == hold.role && other.taken.line == hold.taken.line;
         }) > 1;
}

/// Without debug information a missing answer is none; a wrong one always is. Nor can the code
/// of a loop that took several locks tell each of them.
void Expectations::expect_acquisition(const json& thread, const json& acquisition,
                                      const TrueHold& hold) const {
  if (acquisition.is_null()) {
    EXPECT_TRUE(!sample_.has_symbols() || took_several(hold)) << "no frame took it";
    return;
  }
  const auto frame = acquisition.at("frame").get<std::size_t>();
  expect_function(thread.at("stack").at("frames").at(frame), hold.taken.function);
  expect_place(acquisition, hold.taken);
}

/// The samples tell all that they hold, except those that never come to rest.
void Expectations::expect_no_other_holds() const {
  if (truth_.healthy) return;
  for (const json& thread : target_.at("threads")) {
    for (const json& found : thread.at("holds")) {
      const auto is_told = [&](const auto& told) {
        return tid(told.role) == thread.at("tid") && is_lock(resource_of(found), told.lock);
      };
      EXPECT_TRUE(std::any_of(truth_.holds.begin(), truth_.holds.end(), is_told) ||
                  std::any_of(truth_.partners.begin(), truth_.partners.end(), is_told))
          << thread.at("name") << " does not hold " << resource_of(found).dump();
    }
  }
}

/// A cycle that need not be shown is none to the pile-ups, which then have its threads in them.
bool Expectations::has_cycle() const {
  const bool is_told = !truth_.cycles.empty() || !truth_.knots.empty();
  return is_told && (must_show("cycle") || !target_.at("cycles").empty());
}

std::size_t Expectations::count_threads(const TruePileUp& pile_up) const {
  if (must_show("cycle") || has_cycle()) return pile_up.threads;
  return static_cast<std::size_t>(
      std::count_if(truth_.waits.begin(), truth_.waits.end(),
                    [&](const TrueWait& wait) { return wait.resource == pile_up.lock; }));
}

void Expectations::expect_pile_ups() const {
  for (const TruePileUp& expected : truth_.pile_ups) {
    SCOPED_TRACE("pile-up behind " + expected.lock);
    const json& pile_ups = target_.at("pile_ups");
    const auto found = std::find_if(pile_ups.begin(), pile_ups.end(), [&](const json& pile_up) {
      return &resource_of(pile_up) == find_lock(expected.lock);
    });
    if (found == pile_ups.end() && !must_show("pile_up")) continue;
    ASSERT_NE(found, pile_ups.end());
    const std::size_t threads = count_threads(expected);
    EXPECT_EQ(found->at("tids").size(), threads);
    if (expected.holder != "-") {
      expect_holder(resource_of(*found).at("holder"), expected.holder);
    }
    std::size_t grouped = 0;
    for (const json& group : found->at("groups")) grouped += group.at("tids").size();
    EXPECT_EQ(grouped, threads);
    EXPECT_EQ(found->at("cycle").is_null(), !has_cycle());
    if (!truth_.root.empty()) {
      EXPECT_EQ(found->at("root_tid"), tid(truth_.root));
    }
  }
}

void Expectations::expect_names() const {
  const auto& names = sample_.has_symbols() ? truth_.names : truth_.stripped_names;
  for (const auto& [lock, name] : names) {
    const json* resource = find_lock(lock);
    if (resource == nullptr && !must_show("name")) continue;
    ASSERT_NE(resource, nullptr) << lock;
    std::string found = resource->at("name").is_null() ? "" : resource->at("name");
    const int number = resource->at("number");
    if (number != 0) found += " #" + std::to_string(number);
    EXPECT_EQ(found, name) << resource->dump();
  }
}

bool is_recorded(const json& resource, int tid) {
  return resource.at("holder").at("evidence") == "recorded" &&
         resource.at("holder").at("tid") == tid;
}

/// Who must act where the lock does not say it: these, told by these frames, and nobody else.
void Expectations::expect_partners() const {
  std::set<std::string> locks;
  for (const TruePartner& partner : truth_.partners) locks.insert(partner.lock);
  for (const std::string& lock : locks) {
    SCOPED_TRACE("partners of " + lock);
    const json* resource = find_lock(lock);
    if (resource == nullptr && !must_show("waits")) continue;
    ASSERT_NE(resource, nullptr);
    expect_partners_of(lock, *resource);
  }
}

void Expectations::expect_partners_of(const std::string& lock, const json& resource) const {
  std::map<int, json> found;
  for (const json& partner : resource.at("partners")) found[partner.at("tid")] = partner;
  std::size_t told = 0;
  for (const TruePartner& partner : truth_.partners) {
    if (partner.lock != lock) continue;
    SCOPED_TRACE(partner.role);
    const auto seen = found.find(tid(partner.role));
    if (seen == found.end() &&
        (!must_show("partner") || is_recorded(resource, tid(partner.role)))) {
      continue;
    }
    ASSERT_NE(seen, found.end()) << resource.dump();
    ++told;
    EXPECT_EQ(seen->second.at("part"), partner.part);
    const json& frame = seen->second.at("frame");
    if (frame.is_null() || !sample_.has_symbols()) continue;
    const json& frames = find_thread(tid(partner.role))->at("stack").at("frames");
    expect_function(frames.at(frame.get<std::size_t>()), partner.taken.function);
  }
  EXPECT_EQ(found.size(), told) << resource.dump();
}

void Expectations::expect_missing() const {
  for (const auto& [lock, parties] : truth_.missing) {
    const json* resource = find_lock(lock);
    const bool seen = resource != nullptr && !resource->at("parties").is_null();
    if (!seen && !must_show("missing")) continue;
    ASSERT_NE(resource, nullptr) << lock;
    ASSERT_TRUE(seen) << resource->dump();
    EXPECT_EQ(resource->at("parties").at("missing"), parties);
  }
}

void Expectations::expect_unknown() const {
  for (const std::string& lock : truth_.unknown) {
    const json* resource = find_lock(lock);
    if (resource == nullptr && !must_show("waits")) continue;
    ASSERT_NE(resource, nullptr) << lock;
    EXPECT_EQ(resource->at("holder").at("evidence"), "unknown") << resource->dump();
    EXPECT_EQ(resource->at("holder").at("fate"), "not_recorded") << resource->dump();
    EXPECT_TRUE(resource->at("partners").empty()) << resource->dump();
  }
}

void Expectations::expect_mutexes_of_conditions() const {
  for (const auto& [condition, mutex] : truth_.used_with) {
    const json* resource = find_lock(condition);
    ASSERT_NE(resource, nullptr) << condition;
    ASSERT_FALSE(resource->at("condition_mutex").is_null()) << resource->dump();
    EXPECT_EQ(resource->at("condition_mutex").at("address"), hex(mutex));
  }
}

/// One line for each wait, from which table.py makes the table of what is recognised.
void Expectations::print_table() const {
  for (const TrueWait& wait : truth_.waits) print_row(wait);
}

void Expectations::print_row(const TrueWait& wait) const {
  const json* thread = find_thread(tid(wait.role));
  const bool seen = thread != nullptr && !thread->at("wait").is_null();
  const bool recognised = seen && thread->at("wait").at("kind") == name_kind(wait);
  const json* resource = seen ? &resource_of(thread->at("wait")) : nullptr;
  const bool told = seen && (!resource->at("holder").at("recorded_id").is_null() ||
                             resource->at("holder").at("evidence") == "inferred" ||
                             !resource->at("partners").empty());
  const bool has_partner =
      wait.kind == "join" ||
      std::any_of(truth_.holds.begin(), truth_.holds.end(),
                  [&](const auto& hold) { return hold.lock == wait.resource; }) ||
      std::any_of(truth_.partners.begin(), truth_.partners.end(),
                  [&](const auto& partner) { return partner.lock == wait.resource; });
  const auto lock = truth_.locks.find(wait.resource);
  std::cout << "table: " << sample_.name << ' '
            << (sample_.argument.empty() ? "-" : sample_.argument) << ' ' << sample_.variant << ' '
            << (source_ == Source::kLive ? "live" : "core") << ' '
            << (lock == truth_.locks.end() ? "thread" : lock->second.kind) << ' ' << name_kind(wait)
            << (recognised ? " recognised" : " -")
            << (told          ? " partner"
                : has_partner ? " -"
                              : " none")
            << (seen && !resource->at("name").is_null() ? " named" : " -") << '\n';
}

}  // namespace

void expect_truth(const json& target, const SampleCase& sample, const Truth& truth, Source source) {
  EXPECT_EQ(target.at("kind"), source == Source::kLive ? "live" : "core");
  EXPECT_EQ(target.at("process").at("pid"), truth.pid);
  if (!truth.healthy) {
    EXPECT_EQ(target.at("moved"), 0) << "findings were dropped though nobody moved";
  }
  const Expectations expectations(target, sample, truth, source);
  expectations.expect_findings();
  expectations.expect_cycles();
  expectations.expect_knots();
  expectations.expect_waits();
  expectations.expect_holders();
  expectations.expect_holds();
  expectations.expect_no_other_holds();
  expectations.expect_pile_ups();
  expectations.expect_names();
  expectations.expect_partners();
  expectations.expect_missing();
  expectations.expect_unknown();
  expectations.expect_mutexes_of_conditions();
  expectations.print_table();
}

json diagnose(const std::string& target, const Command& options) {
  Command command = pstuck_command({"--format", "json"});
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(target);
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  json report = json::parse(outcome.out, nullptr, false);
  if (report.is_discarded()) {
    ADD_FAILURE() << "not JSON: " << outcome.out << outcome.err;
    return nullptr;
  }
  EXPECT_EQ(report.at("schema"), "pstuck.report");
  EXPECT_EQ(report.at("schema_version"), 1);
  EXPECT_EQ(report.at("targets").size(), 1U);
  return report.at("targets").at(0);
}

std::string sample_name(const ::testing::TestParamInfo<SampleCase>& info) {
  const SampleCase& sample = info.param;
  return sample.name + (sample.argument.empty() ? "" : "_" + sample.argument) + "_" +
         sample.variant;
}

std::vector<TrueFinding> find_findings(const json& target) {
  std::vector<TrueFinding> findings;
  for (const json& finding : target.at("findings")) {
    findings.push_back({finding.at("kind"), finding.at("evidence")});
  }
  std::sort(findings.begin(), findings.end());
  return findings;
}

}  // namespace pstuck::testing
