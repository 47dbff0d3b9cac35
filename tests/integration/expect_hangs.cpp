// Findings, cycles and pile-ups.

#include <algorithm>

#include "tests/integration/report_expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

}  // namespace

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

void Expectations::expect_root_blockers() const {
  if (truth_.frees.empty() || !must_show("pile_up")) return;
  const json& roots = target_.at("root_blockers");
  ASSERT_EQ(roots.size(), truth_.frees.size()) << roots;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const auto& [role, threads] = truth_.frees[i];
    EXPECT_EQ(roots[i].at("tid"), tid(role));
    EXPECT_EQ(roots[i].at("frees"), threads);
    EXPECT_EQ(roots[i].at("victims").size(), threads);
  }
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

}  // namespace pstuck::testing
