#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "cli/json_words.h"
#include "cli/renderers.h"
#include "tests/golden/reports.h"

namespace pstuck {
namespace {

using nlohmann::json;
using Names = std::set<std::string>;

std::string text_of(const Reports& reports) {
  std::ostringstream out;
  render_json(reports, out);
  return out.str();
}

json document_of(const Report& report) { return json::parse(text_of({.targets = {report}})); }

json schema() {
  std::ifstream file(PSTUCK_SOURCE_DIR "/cli/report.schema.json");
  return json::parse(file);
}

/// As much of JSON Schema draft-07 as report.schema.json uses; another keyword is a failure.
class Validator {
 public:
  explicit Validator(json schema) : root_(std::move(schema)) {}

  void check(const json& value) { check(root_, value, "$"); }

  std::vector<std::string> failures;
  Names definitions_met;

 private:
  void fail(const std::string& where, const std::string& what) {
    failures.push_back(where + ": " + what);
  }

  static bool has_type(const json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "boolean") return value.is_boolean();
    return type == "null" && value.is_null();
  }

  void check(const json& rule, const json& value, const std::string& where) {
    for (const auto& [keyword, wanted] : rule.items()) check(keyword, wanted, rule, value, where);
  }

  void check(const std::string& keyword, const json& wanted, const json& rule, const json& value,
             const std::string& where) {
    static const Names kNotes{"$schema", "title", "description", "definitions"};
    if (kNotes.contains(keyword)) return;
    if (keyword == "$ref") return check_reference(wanted, value, where);
    if (keyword == "anyOf") return check_any(wanted, value, where);
    if (keyword == "type") return check_type(wanted, value, where);
    if (keyword == "properties") return check_properties(wanted, value, where);
    if (keyword == "required") return check_required(wanted, value, where);
    if (keyword == "additionalProperties") return check_no_more(rule, value, where);
    if (keyword == "items") return check_items(wanted, value, where);
    if (keyword == "const" && value != wanted) return fail(where, "is not " + wanted.dump());
    if (keyword == "const") return;
    if (keyword == "enum" && std::find(wanted.begin(), wanted.end(), value) == wanted.end()) {
      return fail(where, value.dump() + " is not one of " + wanted.dump());
    }
    if (keyword == "enum") return;
    if (keyword == "minimum") {
      if (value.is_number() && value < wanted) fail(where, "is too small");
      return;
    }
    if (keyword == "pattern") {
      const std::regex pattern(wanted.get<std::string>());
      if (value.is_string() && !std::regex_search(value.get<std::string>(), pattern)) {
        fail(where, "has another pattern");
      }
      return;
    }
    fail(where, "the schema uses the unknown keyword " + keyword);
  }

  void check_reference(const std::string& reference, const json& value, const std::string& where) {
    const std::string name = reference.substr(std::string("#/definitions/").size());
    definitions_met.insert(name);
    check(root_.at("definitions").at(name), value, where);
  }

  void check_any(const json& rules, const json& value, const std::string& where) {
    if (value.is_null()) return;  // every anyOf of the schema is "something or null"
    EXPECT_EQ(rules.size(), 2U) << where;
    EXPECT_EQ(rules.at(1), json({{"type", "null"}})) << where;
    check(rules.at(0), value, where);
  }

  void check_type(const json& types, const json& value, const std::string& where) {
    const json list = types.is_array() ? types : json::array({types});
    const bool one = std::any_of(list.begin(), list.end(), [&](const json& type) {
      return has_type(value, type.get<std::string>());
    });
    if (!one) fail(where, value.dump() + " is no " + types.dump());
  }

  void check_properties(const json& rules, const json& value, const std::string& where) {
    if (!value.is_object()) return;
    for (const auto& [name, rule] : rules.items()) {
      if (value.contains(name)) check(rule, value.at(name), where + "." + name);
    }
  }

  void check_required(const json& names, const json& value, const std::string& where) {
    if (!value.is_object()) return;
    for (const std::string name : names) {
      if (!value.contains(name)) fail(where, "lacks " + name);
    }
  }

  void check_no_more(const json& rule, const json& value, const std::string& where) {
    if (!value.is_object()) return;
    for (const auto& [name, unused] : value.items()) {
      if (!rule.at("properties").contains(name)) fail(where, "has the unknown key " + name);
    }
  }

  void check_items(const json& rule, const json& value, const std::string& where) {
    if (!value.is_array()) return;
    for (const json& item : value) check(rule, item, where + "[]");
  }

  json root_;
};

/// All words of an enumeration: json_word() has none for a number beyond the last.
template <typename Enumeration>
Names words_of() {
  Names words;
  for (int i = 0; !json_word(static_cast<Enumeration>(i)).empty(); ++i) {
    EXPECT_TRUE(words.insert(std::string(json_word(static_cast<Enumeration>(i)))).second);
  }
  EXPECT_FALSE(words.empty());
  return words;
}

TEST(Json, EveryReportFollowsTheSchema) {
  Validator validator(schema());
  for (const golden::NamedReports& named : golden::all_reports()) {
    validator.failures.clear();
    validator.check(json::parse(text_of(named.reports)));
    EXPECT_EQ(validator.failures, std::vector<std::string>{}) << named.name;
  }
  Names all;
  const json definitions = schema().at("definitions");
  for (const auto& [name, rule] : definitions.items()) all.insert(name);
  EXPECT_EQ(validator.definitions_met, all) << "the schema defines what no report has";
}

TEST(Json, TheSchemaHasNothingOptionalButCoreAndSaved) {
  const json definitions = schema().at("definitions");
  for (const auto& [name, rule] : definitions.items()) {
    if (!rule.contains("properties")) continue;
    EXPECT_EQ(rule.at("additionalProperties"), false) << name;
    Names properties;
    for (const auto& [property, unused] : rule.at("properties").items()) {
      const bool optional = name == "target" && (property == "core" || property == "saved");
      if (!optional) properties.insert(property);
    }
    EXPECT_EQ(rule.at("required").get<Names>(), properties) << name;
  }
}

TEST(Json, TheSchemaHasEveryEnumerator) {
  const json definitions = schema().at("definitions");
  const auto words_at = [&](const std::string& definition, const std::string& property) {
    const json& rule = definitions.at(definition);
    const json& place = property.empty() ? rule : rule.at("properties").at(property);
    return place.at("enum").get<Names>();
  };
  EXPECT_EQ(words_at("target", "kind"), words_of<TargetKind>());
  EXPECT_EQ(words_at("thread", "capture"), words_of<CaptureWay>());
  EXPECT_EQ(words_at("thread", "capture_reason"), words_of<CaptureReason>());
  EXPECT_EQ(words_at("blind_spot", "kind"), words_of<BlindSpotKind>());
  EXPECT_EQ(words_at("stack", "end"), words_of<StackEnd>());
  EXPECT_EQ(words_at("evidence", ""), words_of<Evidence>());
  EXPECT_EQ(words_at("resource_kind", ""), words_of<ResourceKind>());
  EXPECT_EQ(words_at("resource", "needs"), words_of<Needs>());
  EXPECT_EQ(words_at("partner", "part"), words_of<Part>());
  EXPECT_EQ(words_at("owner_gap", "kind"), words_of<OwnerGap::Kind>());
  EXPECT_EQ(words_at("resource", "named_by"), words_of<NamedBy>());
  EXPECT_EQ(words_at("held_lock", "found_by"), words_of<FoundBy>());
  EXPECT_EQ(words_at("acquisition", "by"), words_of<AttributedBy>());
  EXPECT_EQ(words_at("mutex", "type"), words_of<MutexType>());
  EXPECT_EQ(words_at("mutex", "protocol"), words_of<MutexProtocol>());
  EXPECT_EQ(words_at("holder", "fate"), words_of<OwnerFate>());
  EXPECT_EQ(words_at("wait", "kind"), words_of<WaitKind>());
  EXPECT_EQ(words_at("wait", "recognised_by"), words_of<RecognisedBy>());
  EXPECT_EQ(words_at("activity", ""), words_of<Activity>());
  EXPECT_EQ(words_at("finding", "kind"), words_of<FindingKind>());
}

TEST(Json, TheVerdictNamesTheWorst) {
  EXPECT_EQ(document_of(golden::two_lock_deadlock()).at("targets").at(0).at("verdict"), "deadlock");
  EXPECT_EQ(document_of(golden::chain()).at("targets").at(0).at("verdict"), "stuck");
  EXPECT_EQ(document_of(golden::healthy()).at("targets").at(0).at("verdict"), "no_hang_found");
}

TEST(Json, OneDocumentForSeveralTargets) {
  const json document =
      json::parse(text_of({.targets = {golden::self_deadlock(), golden::healthy()}}));
  EXPECT_EQ(document.at("schema"), "pstuck.report");
  EXPECT_EQ(document.at("schema_version"), 1);
  EXPECT_EQ(document.at("targets").size(), 2U);
}

TEST(Json, CyclesNameTheHolderOfEachResource) {
  const json target = document_of(golden::two_lock_deadlock()).at("targets").at(0);
  const json waits = target.at("cycles").at(0).at("waits");
  ASSERT_EQ(waits.size(), 2U);
  EXPECT_EQ(waits.at(0).at("tid"), 48231);
  EXPECT_EQ(waits.at(0).at("holder_tid"), 48235);
  EXPECT_EQ(waits.at(1).at("holder_tid"), 48231);
  const std::size_t wanted = waits.at(0).at("resource");
  EXPECT_EQ(target.at("resources").at(wanted).at("name"), "g_cache.mu_");
}

TEST(Json, ThreadsHaveTheLocksThatTheyHold) {
  const json target = document_of(golden::held_locks()).at("targets").at(0);
  const json& threads = target.at("threads");
  const json teller = threads.at(0).at("holds");
  EXPECT_EQ(teller, json::array({{{"resource", 0},
                                  {"found_by", "waited_for"},
                                  {"acquisition",
                                   {{"frame", 4},
                                    {"by", "guard"},
                                    {"variable", "lock"},
                                    {"file", "/src/transfer.cpp"},
                                    {"line", 17}}}}}));
  EXPECT_EQ(threads.at(1).at("holds").size(), 2U);
  const json code = threads.at(2).at("holds").at(0).at("acquisition");
  EXPECT_EQ(code.at("by"), "locking_code");
  EXPECT_TRUE(code.at("variable").is_null());
  EXPECT_TRUE(code.at("line").is_null());
  EXPECT_EQ(threads.at(3).at("holds").at(0).at("found_by"), "robust_list");
  EXPECT_TRUE(threads.at(3).at("holds").at(0).at("acquisition").is_null());
}

TEST(Json, ResourcesTellTheirNamesAndTypes) {
  const json resources = document_of(golden::held_locks()).at("targets").at(0).at("resources");
  EXPECT_EQ(resources.at(1).at("name"), "Account::mu_");
  EXPECT_EQ(resources.at(1).at("number"), 2);
  EXPECT_EQ(resources.at(1).at("named_by"), "frame_object");
  EXPECT_EQ(resources.at(1).at("type"), "std::mutex");
  EXPECT_EQ(resources.at(3).at("kind"), "rwlock");
  EXPECT_EQ(resources.at(4).at("kind"), "stdio");
  EXPECT_TRUE(resources.at(4).at("type").is_null());
}

TEST(Json, AFrameThatTheStackDoesNotHaveIsNoAcquisition) {
  Report report = golden::held_locks();
  report.diagnosis.held[0].acquisition->frame = 1000;
  const json thread = document_of(report).at("targets").at(0).at("threads").at(0);
  EXPECT_TRUE(thread.at("holds").at(0).at("acquisition").is_null());
}

TEST(Json, WhatIsNotKnownIsNull) {
  const json target = document_of(golden::core_deadlock()).at("targets").at(0);
  EXPECT_EQ(target.at("core").at("signal"), 6);
  EXPECT_TRUE(target.at("capture").at("realtime_ns").is_null());
  EXPECT_TRUE(target.at("findings").at(0).at("since_ns").is_null());
  EXPECT_TRUE(target.at("threads").at(0).at("switches").is_null());
  EXPECT_FALSE(document_of(golden::healthy()).at("targets").at(0).contains("core"));
}

TEST(Json, KeepsNamesInFull) {
  const json target = document_of(golden::hostile_names()).at("targets").at(0);
  EXPECT_EQ(target.at("resources").at(1).at("name").get<std::string>().size(), 500U);
  EXPECT_EQ(target.at("threads").at(0).at("name"), "a\nDEADLOCK");
}

TEST(Json, IsPrintableAsciiForAnyName) {
  for (const golden::NamedReports& named : golden::all_reports()) {
    for (const char c : text_of(named.reports)) {
      ASSERT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << named.name;
    }
  }
}

}  // namespace
}  // namespace pstuck
