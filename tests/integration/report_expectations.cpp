#include "tests/integration/report_expectations.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace pstuck::testing {

using nlohmann::json;

std::string hex(std::uint64_t address) {
  std::ostringstream text;
  text << "0x" << std::hex << address;
  return text.str();
}

void Expectations::expect_all() const {
  expect_findings();
  expect_cycles();
  expect_knots();
  expect_waits();
  expect_holders();
  expect_holds();
  expect_no_other_holds();
  expect_pile_ups();
  expect_root_blockers();
  expect_names();
  expect_partners();
  expect_missing();
  expect_unknown();
  expect_mutexes_of_conditions();
  print_table();
}

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

/// Of a resource, a wait for one, or a part in it: `of_atomics` is what it is where names are
/// missing.
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

}  // namespace pstuck::testing
