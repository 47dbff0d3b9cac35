// Waits, the names of what is waited for, and the table of both.

#include <algorithm>
#include <iostream>

#include "tests/integration/report_expectations.h"

namespace pstuck::testing {
namespace {

using nlohmann::json;

std::string name_kind(const TrueWait& wait) {
  if (wait.kind == "relock") return "relock_after_condition";
  return wait.kind == "timed" ? "lock" : wait.kind;
}

}  // namespace

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

}  // namespace pstuck::testing
