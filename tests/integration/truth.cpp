#include "tests/integration/truth.h"

#include <sstream>

namespace pstuck::testing {
namespace {

TrueWait read_wait(std::istream& words) {
  TrueWait wait;
  words >> wait.role >> wait.resource >> wait.kind >> wait.line;
  ++wait.line;
  words >> wait.function;
  return wait;
}

TrueHold read_hold(std::istream& words) {
  TrueHold hold;
  words >> hold.role >> hold.lock >> hold.line >> hold.function;
  --hold.line;
  return hold;
}

std::vector<std::string> read_roles(std::istream& words) {
  std::vector<std::string> roles;
  for (std::string role; words >> role;) roles.push_back(role);
  return roles;
}

std::string rest_of(std::istream& words) {
  std::string rest;
  std::getline(words >> std::ws, rest);
  return rest;
}

}  // namespace

void learn(Truth& truth, std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string fact;
  std::string name;
  words >> fact;
  if (fact == "pid") words >> truth.pid;
  if (fact == "role") words >> name >> truth.tids[name];
  if (fact == "lock") words >> name >> std::hex >> truth.locks[name];
  if (fact == "name") words >> name, truth.names[name] = rest_of(words);
  if (fact == "stripped_name") words >> name, truth.stripped_names[name] = rest_of(words);
  if (fact == "waits") truth.waits.push_back(read_wait(words));
  if (fact == "holds") truth.holds.push_back(read_hold(words));
  if (fact == "cycle") truth.cycles.push_back(read_roles(words));
  if (fact == "finding") truth.findings.push_back(rest_of(words));
  if (fact == "exited") truth.exited.push_back(rest_of(words));
  if (fact == "root") words >> truth.root;
  if (fact == "skip") truth.skip = rest_of(words);
  if (fact == "healthy") truth.healthy = true;
  if (fact == "ready") truth.ready = true;
  if (fact == "pile_up") {
    TruePileUp pile_up;
    words >> pile_up.lock >> pile_up.threads >> pile_up.holder;
    truth.pile_ups.push_back(pile_up);
  }
}

std::string bare_function(std::string_view declaration) {
  const std::string_view before = declaration.substr(0, declaration.find_first_of("(["));
  const std::size_t qualifiers = before.find_last_of(" :");
  return std::string(before.substr(qualifiers == std::string_view::npos ? 0 : qualifiers + 1));
}

}  // namespace pstuck::testing
