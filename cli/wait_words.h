#pragma once

/// The words for what threads wait for, and for what others have to do with it.

#include <string>
#include <string_view>

#include "analyzers/diagnosis.h"

namespace pstuck {

/// What comes between "waits" and the resource: "for", "to write", "for a unit of", "at".
std::string_view wait_words(WaitKind kind);

/// As a row of a cycle has it: "wants", "wants to write", "wants a unit of", "waits at".
std::string_view want_words(WaitKind kind);

/// What the thread does about the resource: "holds", "reads", "has a unit of", "initialises".
std::string_view part_words(const Resource& resource, ThreadIndex thread);

/// The same said of the resource: "held by", "read by", "a unit of it is with".
std::string_view passive_part_words(const Resource& resource, ThreadIndex thread);

/// What a thread does that waits for no one in particular, for one or many: "waits for a
/// notification".
std::string event_words(ResourceKind kind, std::size_t threads);

/// What a group of other threads does.
std::string group_words(const ThreadGroup& group, std::size_t threads);

/// "read by 3", "3 of 4 have arrived"; empty where the resource's own words count nothing.
std::string state_words(const Resource& resource);

}  // namespace pstuck
