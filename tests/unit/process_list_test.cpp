// Which processes --tree, --pgid, --name and --all choose.

#include "attach/process_list.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace pstuck {
namespace {

using By = ProcessChoice::By;

// Ids come round: a child can have a smaller one than its parent.
const std::vector<ListedProcess> kList = {
    {.pid = {5}, .parent = {40}, .group = {40}, .name = "grandchild"},
    {.pid = {10}, .parent = {1}, .group = {10}, .name = "shell"},
    {.pid = {40}, .parent = {10}, .group = {40}, .name = "make"},
    {.pid = {41}, .parent = {10}, .group = {41}, .name = "make"},
    {.pid = {50}, .parent = {1}, .group = {40}, .name = "orphan"},
};

std::vector<Tid> chosen(const ProcessChoice& choice) { return choose_processes(kList, choice); }

TEST(ProcessList, ATreeIsAProcessAndAllItsDescendants) {
  EXPECT_EQ(chosen({.by = By::kTree, .id = {10}}), (std::vector<Tid>{{5}, {10}, {40}, {41}}));
  EXPECT_EQ(chosen({.by = By::kTree, .id = {41}}), (std::vector<Tid>{{41}}));
  EXPECT_TRUE(chosen({.by = By::kTree, .id = {1}}).empty()) << "it cannot be looked at";
}

TEST(ProcessList, AGroupNeedNotBeATree) {
  EXPECT_EQ(chosen({.by = By::kGroup, .id = {40}}), (std::vector<Tid>{{5}, {40}, {50}}));
}

TEST(ProcessList, SeveralCanHaveOneName) {
  EXPECT_EQ(chosen({.by = By::kName, .name = "make"}), (std::vector<Tid>{{40}, {41}}));
}

TEST(ProcessList, AllAreAll) { EXPECT_EQ(chosen({}).size(), kList.size()); }

TEST(ProcessList, DoesNotListPstuckItself) {
  const auto list = list_processes();
  const auto is_own = [](const ListedProcess& process) { return process.pid.value == ::getpid(); };
  EXPECT_TRUE(std::ranges::none_of(list, is_own));
  const auto is_parent = [](const ListedProcess& process) {
    return process.pid.value == ::getppid();
  };
  EXPECT_TRUE(std::ranges::any_of(list, is_parent));
}

}  // namespace
}  // namespace pstuck
