// Who has what, who must act, and whose part nothing tells.

#include <algorithm>
#include <map>
#include <set>

#include "tests/integration/report_expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

bool is_recorded(const json& resource, int tid) {
  return resource.at("holder").at("evidence") == "recorded" &&
         resource.at("holder").at("tid") == tid;
}

}  // namespace

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
    EXPECT_TRUE(is_kind(seen->second.at("part"), partner.part, "may_notify")) << seen->second;
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

}  // namespace pstuck::testing
