#pragma once

#include "tests/integration/expectations.h"

namespace pstuck::testing {

/// The checks on one target, with what all of them need.
class Expectations {
 public:
  Expectations(const nlohmann::json& target, const SampleCase& sample, const Truth& truth,
               Source source)
      : target_(target), sample_(sample), truth_(truth), source_(source) {}

  void expect_all() const;

 private:
  /// False when the fact needs what this variant of the sample does not have: then it may be
  /// missing.
  [[nodiscard]] bool must_show(const std::string& fact) const;
  [[nodiscard]] int tid(const std::string& role) const { return truth_.tids.at(role); }
  [[nodiscard]] const nlohmann::json* find_thread(int tid) const;
  [[nodiscard]] bool is_kind(const nlohmann::json& kind, const std::string& true_kind,
                             const std::string& of_atomics) const;
  [[nodiscard]] bool is_lock(const nlohmann::json& resource, const std::string& name) const;
  [[nodiscard]] const nlohmann::json* find_lock(const std::string& name) const;
  [[nodiscard]] const nlohmann::json& resource_of(const nlohmann::json& part) const {
    return target_.at("resources").at(part.at("resource").get<std::size_t>());
  }
  [[nodiscard]] const TrueWait& wait_of(const std::string& role) const;
  void expect_resource(const nlohmann::json& resource, const TrueWait& wait) const;
  void expect_function(const nlohmann::json& frame, const std::string& function) const;
  void expect_place(const nlohmann::json& place, const TruePlace& true_place) const;

  // expect_hangs.cpp
  void expect_findings() const;
  void expect_cycles() const;
  void expect_cycle(const std::vector<std::string>& roles) const;
  void expect_knots() const;
  void expect_pile_ups() const;
  void expect_root_blockers() const;
  [[nodiscard]] bool has_cycle() const;
  [[nodiscard]] std::size_t count_threads(const TruePileUp& pile_up) const;

  // expect_waits.cpp
  void expect_waits() const;
  void expect_frame(const nlohmann::json& thread, const TrueWait& wait) const;
  void expect_names() const;
  void print_table() const;
  void print_row(const TrueWait& wait) const;

  // expect_holders.cpp
  void expect_holders() const;
  void expect_holder(const nlohmann::json& holder, const std::string& role) const;
  void expect_holds() const;
  void expect_no_other_holds() const;
  [[nodiscard]] const nlohmann::json* find_hold(const nlohmann::json& thread,
                                                const std::string& lock) const;
  void expect_acquisition(const nlohmann::json& thread, const nlohmann::json& acquisition,
                          const TrueHold& hold) const;
  [[nodiscard]] bool took_several(const TrueHold& hold) const;
  void expect_partners() const;
  void expect_partners_of(const std::string& lock, const nlohmann::json& resource) const;
  void expect_missing() const;
  void expect_unknown() const;
  void expect_mutexes_of_conditions() const;

  const nlohmann::json& target_;
  const SampleCase& sample_;
  const Truth& truth_;
  Source source_;
};

std::string hex(std::uint64_t address);

/// A thread without its frames.
std::string describe(nlohmann::json thread);

}  // namespace pstuck::testing
