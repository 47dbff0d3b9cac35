#include "tests/integration/truth.h"

#include <filesystem>
#include <sstream>

namespace pstuck::testing {
namespace {

/// "FILE:LINE FUNCTION", for what happens `lines` below.
TruePlace read_place(std::istream& words, int lines) {
  TruePlace place;
  std::string where;
  words >> where >> place.function;
  const std::size_t colon = where.rfind(':');
  place.file = std::filesystem::path(where.substr(0, colon)).filename();
  place.line = std::stoi(where.substr(colon + 1)) + lines;
  return place;
}

TrueWait read_wait(std::istream& words) {
  TrueWait wait;
  words >> wait.role >> wait.resource >> wait.kind;
  wait.at = read_place(words, 1);
  return wait;
}

TrueKernelWait read_kernel_wait(std::istream& words) {
  TrueKernelWait wait;
  words >> wait.role >> wait.act >> wait.file >> wait.process;
  return wait;
}

TrueHold read_hold(std::istream& words) {
  TrueHold hold;
  words >> hold.role >> hold.lock;
  hold.taken = read_place(words, -1);
  return hold;
}

TruePartner read_partner(std::istream& words) {
  TruePartner partner;
  words >> partner.role >> partner.lock >> partner.part;
  partner.taken = read_place(words, -1);
  return partner;
}

TruePileUp read_pile_up(std::istream& words) {
  TruePileUp pile_up;
  words >> pile_up.lock >> pile_up.threads >> pile_up.holder;
  return pile_up;
}

std::vector<std::string> read_words(std::istream& words) {
  std::vector<std::string> found;
  for (std::string word; words >> word;) found.push_back(word);
  return found;
}

std::string rest_of(std::istream& words) {
  std::string rest;
  std::getline(words >> std::ws, rest);
  return rest;
}

void learn_of_lock(Truth& truth, const std::string& fact, std::istream& words) {
  std::string name;
  if (fact == "lock") {
    words >> name >> std::hex >> truth.locks[name].address >> truth.locks[name].kind;
  }
  if (fact == "name") words >> name, truth.names[name] = rest_of(words);
  if (fact == "stripped_name") words >> name, truth.stripped_names[name] = rest_of(words);
  if (fact == "missing") words >> name >> truth.missing[name];
  if (fact == "used_with") words >> name >> std::hex >> truth.used_with[name];
  if (fact == "unknown") truth.unknown.push_back(rest_of(words));
  if (fact == "holds") truth.holds.push_back(read_hold(words));
  if (fact == "partner") truth.partners.push_back(read_partner(words));
  if (fact == "owns") {
    TrueHold hold;
    words >> hold.role >> hold.lock;
    truth.holds.push_back(hold);
  }
}

void learn_of_hang(Truth& truth, const std::string& fact, std::istream& words) {
  if (fact == "cycle") truth.cycles.push_back(read_words(words));
  if (fact == "knot") truth.knots.push_back(read_words(words));
  if (fact == "likely") truth.likely = true;
  if (fact == "across") truth.across.push_back(read_words(words));
  if (fact == "pile_up") truth.pile_ups.push_back(read_pile_up(words));
  if (fact == "frees") {
    auto& [role, threads] = truth.frees.emplace_back();
    words >> role >> threads;
  }
  if (fact == "finding") {
    TrueFinding finding;
    words >> finding.kind >> finding.evidence;
    truth.findings.push_back(finding);
  }
  if (fact == "needs") {
    std::string what;
    words >> what;
    for (const std::string& kind : read_words(words)) truth.needs[kind].insert(what);
  }
}

}  // namespace

void learn(Truth& truth, std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string fact;
  std::string name;
  words >> fact;
  if (fact == "pid") words >> truth.pid;
  if (fact == "role") words >> name >> truth.tids[name];
  if (fact == "exited") truth.exited.push_back(rest_of(words));
  if (fact == "waits") truth.waits.push_back(read_wait(words));
  if (fact == "kernel") truth.kernel_waits.push_back(read_kernel_wait(words));
  if (fact == "root") words >> truth.root;
  if (fact == "skip") truth.skip = rest_of(words);
  if (fact == "healthy") truth.healthy = true;
  if (fact == "ready") truth.ready = true;
  learn_of_lock(truth, fact, words);
  learn_of_hang(truth, fact, words);
}

std::string bare_function(std::string_view declaration) {
  const std::string_view before = declaration.substr(0, declaration.find_first_of("(["));
  const std::size_t qualifiers = before.find_last_of(" :");
  return std::string(before.substr(qualifiers == std::string_view::npos ? 0 : qualifiers + 1));
}

}  // namespace pstuck::testing
