#pragma once

/// The words that all renderers share. Every one stands here once.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/diagnosis.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// "25 ms", "4.2 s", "3m 12s", "2h 05m", "3d 4h"; rounded down, as most durations are lower bounds.
std::string duration_words(std::chrono::nanoseconds duration);

/// "DEADLOCK", "LIKELY DEADLOCK", "STUCK".
std::string_view verdict_word(FindingKind kind, Evidence evidence);

/// "512 bytes", "64 KiB", "260 MiB", "1.5 GiB"; rounded down.
std::string size_words(std::uint64_t bytes);

/// "2025-11-23 22:30:05 UTC"; the duration counts from 1970.
std::string date_words(std::chrono::nanoseconds realtime);

/// "1 thread", "58 threads".
std::string count_words(std::size_t count, std::string_view one, std::string_view many);

/// The verb that goes with a count: "waits" for one, "wait" for many.
std::string_view verb_for(std::size_t count, std::string_view one, std::string_view many);

/// "a; b; c", with any separator. fmt::join makes g++ 12 warn of an overflow at -O3.
std::string joined(const std::vector<std::string>& items, std::string_view separator);

/// "a", "a and b", "a, b and c".
std::string list_words(const std::vector<std::string>& items);

/// "48240 48241 48242 48243 48244 +47".
std::string id_words(const std::vector<Tid>& tids);

/// "epoll_wait"; empty for a call that is not in the table.
std::string_view syscall_name(std::int64_t number);

/// "epoll_wait", "system call 999".
std::string syscall_words(std::int64_t number);

/// "process-shared robust recursive"; empty for a plain mutex.
std::string mutex_traits_words(const MutexTraits& traits);

/// "process-shared robust recursive mutex", "rwlock", "FILE lock".
std::string kind_words(const Resource& resource);

/// The lock's type where that is known, printable: "std::mutex", "pthread_mutex_t recursive"; else
/// as above.
std::string lock_words(const Resource& resource);

/// "a mutex", "an adaptive mutex", "an rwlock".
std::string with_article(std::string_view words);

/// What a thread is doing, for one ("sleeps in poll") or for many ("sleep in poll"). A wait that
/// was recognised needs more words than these.
/// With `lasted`, how long already: "has slept 3m 12s in clock_nanosleep".
std::string activity_words(Activity activity, std::int64_t syscall, std::size_t threads,
                           std::string_view lasted = {});

/// "waits", "wait", or "has waited 3m 12s".
std::string verb_so_long(std::string_view one, std::string_view many, std::string_view perfect,
                         std::size_t threads, std::string_view lasted);

/// The id that a lock recorded, "48231"; "unknown" where it recorded none.
std::string owner_id_words(const Holder& holder);

/// "SIGABRT", "signal 70".
std::string signal_words(int signal);

/// What was wrong: "not mapped"; empty where the code tells nothing that pstuck knows.
std::string_view fault_words(int signal, int code);

/// What the thread of another process does, by its state and its system call: "sleeps in wait4".
std::string task_words(char state, std::int64_t syscall);

std::string_view state_words(char state);
std::string_view stack_end_words(StackEnd end);
std::string_view capture_reason_words(CaptureReason reason);

}  // namespace pstuck
