#pragma once

#include <string>
#include <vector>

#include "cli/sentences.h"

namespace pstuck {

/// What a person still has to find out, in the words of one diagnosis, and what is known of it.
/// Markdown.
struct Prompts {
  std::vector<std::string> trigger;
  std::vector<std::string> root_cause_known;
  std::vector<std::string> root_cause;
  std::vector<std::string> patch;
  std::vector<std::string> prevention_known;
  std::vector<std::string> prevention;
  std::vector<std::string> tests;
};

/// The sentences' ink must make Markdown.
Prompts prompts_for(const Sentences& sentences, const Finding& finding);

/// Of a deadlock over several processes.
Prompts prompts_for_processes(const Sentences& sentences);

Prompts prompts_for_nothing_stuck(const Sentences& sentences);

/// "`Cache::get` at `cache.cpp:41`"; "`worker-3 (48231)`" when the frame is not known.
std::string place_of_wait(const Sentences& sentences, const Wait& wait);

}  // namespace pstuck
