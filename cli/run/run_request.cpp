#include "cli/run/run_request.h"

#include "cli/escape.h"

namespace pstuck {

std::string RunRequest::words() const {
  std::string text;
  for (const std::string& word : command) {
    text += (text.empty() ? "" : " ") + shell_word(printable(word));
  }
  return text;
}

}  // namespace pstuck
