#include "cli/trouble.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/escape.h"

namespace pstuck {

int report_trouble(const Error& error) {
  constexpr std::size_t kWidest = 4096;
  fmt::print(stderr, "pstuck: {}\n", printable(error.what(), kWidest));
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", printable(error.hint, kWidest));
  return kTrouble;
}

bool is_of_ended_process(const Error& error) {
  return error.kind == ErrorKind::kExited || error.kind == ErrorKind::kNoSuchProcess ||
         error.kind == ErrorKind::kZombie;
}

}  // namespace pstuck
