#pragma once

#include <functional>
#include <string>
#include <vector>

namespace pstuck {

/// Does jobs 0 to `count` - 1 in child processes side by side; each job makes one line of text. A
/// job that ends its process, as a damaged file might, or that takes longer than a minute, makes
/// none; the others are not concerned. `progress` may be empty. Throws Error when no process can be
/// started.
std::vector<std::string> run_in_workers(
    std::size_t count, const std::function<std::string(std::size_t)>& job,
    const std::function<void(std::size_t done, std::size_t total)>& progress);

}  // namespace pstuck
