#pragma once

/// What pstuck says about one snapshot: ids and enums, no English. Indexes point into the
/// snapshot's threads or into this struct's own lists. Every list has a total, stable order.

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attach/call_subject.h"
#include "attach/snapshot.h"
#include "attach/target.h"

namespace pstuck {

using ThreadIndex = std::size_t;      ///< into Snapshot::threads
using WaitIndex = std::size_t;        ///< into Diagnosis::waits
using KernelWaitIndex = std::size_t;  ///< into Diagnosis::kernel_waits
using ResourceIndex = std::size_t;    ///< into Diagnosis::resources
using CycleIndex = std::size_t;       ///< into Diagnosis::cycles
using PileUpIndex = std::size_t;      ///< into Diagnosis::pile_ups
using RemarkIndex = std::size_t;      ///< into Diagnosis::remarks

enum class Evidence {
  kRecorded,  ///< the lock, libc or the kernel says so
  kInferred,  ///< a witness frame says so: "likely"
  kUnknown,   ///< Holder::fate names the reason
};

enum class ResourceKind {
  kMutex,        ///< pthread_mutex_t, and what is built on it: std::mutex, mtx_t
  kRwlock,       ///< pthread_rwlock_t, and what is built on it: std::shared_mutex
  kStdio,        ///< the lock of a FILE; the address is that of its _IO_lock_t
  kSpinlock,     ///< pthread_spinlock_t
  kSemaphore,    ///< sem_t, std::counting_semaphore
  kOnce,         ///< pthread_once_t, std::once_flag
  kStaticGuard,  ///< the guard of a function-local static variable
  kLibcLock,     ///< a lock of the C library's own, as in malloc
  kLibraryLock,  ///< described by a lock file; Resource::type says what it is
  kCondition,    ///< pthread_cond_t, std::condition_variable
  kBarrier,      ///< pthread_barrier_t, std::barrier
  kLatch,        ///< std::latch
  kFuture,       ///< the shared state of a std::future
  kAtomic,       ///< a C++20 atomic that is waited on
  kThread,       ///< a thread's end, waited for by pthread_join
};

/// Whether a thread has the resource for a time and gives it back, so that who waits for it is
/// held up; the others are events, which idle threads wait for too.
constexpr bool is_lock(ResourceKind kind) { return kind <= ResourceKind::kLibraryLock; }

enum class MutexType { kNormal, kRecursive, kErrorCheck, kAdaptive };

enum class MutexProtocol { kNone, kInherit, kProtect };

/// The mutex's own kind field. glibc 2.36: sysdeps/nptl/bits/struct_mutex.h, nptl/pthreadP.h.
struct MutexTraits {
  MutexType type = MutexType::kNormal;
  MutexProtocol protocol = MutexProtocol::kNone;
  bool robust = false;
  bool process_shared = false;
};

/// What became of the id that a lock recorded as its owner, or why there is none.
enum class OwnerFate {
  kThread,          ///< Holder::thread has it
  kInTransition,    ///< no owner, a free lock word, or a lock that changed hands while it was read
  kExited,          ///< no task has this id: it ended with the lock held
  kForkInherited,   ///< a thread of the parent: it held the lock when this process was forked
  kOtherProcess,    ///< a thread of another process that shares the lock
  kRecycled,        ///< a thread has the id, but it started after the waiters went to sleep
  kOtherNamespace,  ///< the id counts in a PID namespace that pstuck cannot see into
  kNotRecorded,     ///< this kind of lock, or its state, names no owner
  kUnreadable,      ///< the lock's memory could not be read
};

struct Holder {
  Evidence evidence = Evidence::kUnknown;
  OwnerFate fate = OwnerFate::kNotRecorded;
  std::optional<ThreadIndex> thread;       ///< set for kThread and kRecycled
  std::optional<Tid> recorded_id;          ///< as it stands in the lock, in the target's namespace
  std::optional<TaskElsewhere> elsewhere;  ///< set for kForkInherited and kOtherProcess
};

/// Why a lock's owner could not be told although a lock file says how to find it.
struct OwnerGap {
  enum class Kind {
    kNoMember,  ///< no debug information has the member `what`
    kNoTable,   ///< no symbol table has the variable `what`, or several have it
    kNoThread,  ///< the lock records `what`, which leads to no thread
  };
  Kind kind = Kind::kNoMember;
  std::string what;
};

/// What a thread has to do with a resource that does not record it.
enum class Part {
  kHolds,        ///< a lock, alone
  kReads,        ///< a rwlock, with others
  kTookUnit,     ///< of a semaphore
  kInitialises,  ///< runs what a once-flag or a static guard lets only one run
  kIsToArrive,   ///< at a barrier or latch
  kMayNotify,    ///< a condition variable, or may change what is waited for
  kMakesResult,  ///< of a future
};

/// A thread that, by what a frame of its stack shows, has to act before those who wait go on.
struct Partner {
  ThreadIndex thread = 0;
  Part part = Part::kHolds;
  Evidence evidence = Evidence::kInferred;  ///< kRecorded where libc or the C++ runtime says so
  std::optional<std::size_t> frame;         ///< the witness, of that thread's stack

  friend bool operator==(const Partner&, const Partner&) = default;
};

/// How many of its partners must act before a thread that waits for the resource can go on.
enum class Needs {
  kAll,  ///< readers of a rwlock, parties of a barrier
  kAny,  ///< holders of a semaphore's units, threads that may notify
};

/// What a rwlock's own words count. glibc counts readers that wait among the readers.
struct RwlockState {
  std::uint32_t readers = 0;          ///< that have it
  std::uint32_t waiting_writers = 0;  ///< at least: some rwlocks count the first one only
  bool write_locked = false;

  friend bool operator==(const RwlockState&, const RwlockState&) = default;
};

/// Of a barrier or latch. A latch counts only who is missing.
struct PartyCount {
  std::optional<std::uint32_t> arrived;
  std::optional<std::uint32_t> expected;
  std::uint32_t missing = 0;

  friend bool operator==(const PartyCount&, const PartyCount&) = default;
};

/// The mutex that threads give back while they wait for a condition variable.
struct ConditionMutex {
  Address address;
  std::string name;  ///< as Resource::name
};

/// Where a lock's name is from, most trusted first.
enum class NamedBy {
  kNothing,
  kVariable,     ///< a global variable, its member by debug information: "g_cache.mu_"
  kFrameObject,  ///< a variable of some frame leads to it: "Cache::mu_", "lk in zeta()"
  kSymbol,       ///< a symbol covers it, the member is not known: "g_cache+0x28"
  kObjectClass,  ///< run-time type information: "OrderBook::mu_", "OrderBook+0x28"
};

struct Resource {
  ResourceKind kind = ResourceKind::kMutex;
  Address address;   ///< of the object; of the pthread_t for a thread
  std::string name;  ///< "g_router", "g_cache+0x28"; empty when nothing names it
  NamedBy named_by = NamedBy::kNothing;
  std::size_t number = 0;  ///< of several locks with one name, by address from 1; 0 for a lone one
  std::string name_module;
  std::string type;  ///< as the source has it, "std::mutex"; empty where only the kind is known
  std::optional<MutexTraits> mutex;
  std::uint32_t recursion = 0;  ///< how often a recursive mutex is locked
  std::optional<RwlockState> rwlock;
  std::optional<std::uint32_t> value;  ///< of a semaphore or an atomic
  /// Of a semaphore that the process got by fork(): what the parent's own copy is now.
  std::optional<std::uint32_t> value_in_parent;
  std::optional<PartyCount> parties;
  std::optional<ConditionMutex> condition_mutex;
  bool process_shared = false;  ///< by its own words or by the waiting call: others may act on it
  /// The bytes it began with when it was read, for the second look; none for a mutex, whose owner
  /// is compared.
  std::vector<std::byte> seen;
  Holder holder;
  std::optional<OwnerGap> owner_gap;
  /// Who must act, ascending by thread; empty where only `holder` tells. A single one is `holder`
  /// too, when the evidence is good enough.
  std::vector<Partner> partners;
  /// No thread but these partners can let a waiter go on, as far as their frames show. Else they
  /// are only told, and nothing is concluded from them.
  bool partners_complete = false;
  Needs needs = Needs::kAll;
  /// Of those who must act the one that the chain of waits goes on with: a member of a deadlock, or
  /// one that is stuck, where there is one.
  std::optional<ThreadIndex> blocker;
};

/// How it was found out that a thread holds a lock, most trusted first. Whose it is says the lock
/// itself, but for kWitness.
enum class FoundBy {
  kWaitedFor,   ///< some thread waits for it
  kRobustList,  ///< the owner's own list of robust mutexes
  kFileList,    ///< libc's list of open FILEs
  kVariable,    ///< it lies in a variable: in a module's data, or on a stack
  kPointer,     ///< a register or a word of a thread's stack points to it
  kMemoryScan,  ///< its bytes are those of a held lock
  kWitness,     ///< its owner is not recorded: a frame shows that the thread has it
};

/// How the frame that took a lock was found, most trusted first.
enum class AttributedBy {
  kGuard,        ///< a guard object in scope refers to the lock (debug information)
  kLockingCode,  ///< the frame's code called the function that takes it, and has not given it back
};

/// The frame that took a lock.
struct Acquisition {
  std::size_t frame = 0;  ///< of the holder's stack; may be an inlined call
  AttributedBy by = AttributedBy::kGuard;
  std::string variable;  ///< the guard's name; may be empty
  std::string file;      ///< where the lock was taken; empty when not known
  int line = 0;          ///< 0: not known
};

/// A lock that a thread has, whether or not another waits for it.
struct HeldLock {
  ThreadIndex thread = 0;
  ResourceIndex resource = 0;
  FoundBy found_by = FoundBy::kWaitedFor;
  bool doubted = false;  ///< until a frame is found that took it; none is in a whole diagnosis
  std::optional<Acquisition> acquisition;  ///< none without evidence for any frame
};

enum class WaitKind {
  kLock,
  kReadLock,
  kWriteLock,
  kRelockAfterCondition,  ///< was woken from a condition variable, wants the mutex back
  kUnit,                  ///< of a semaphore
  kInitialisation,        ///< by another thread, of what only one may initialise
  kNotification,          ///< of a condition variable
  kArrivals,              ///< of the others, at a barrier or latch
  kResult,                ///< of a future
  kChange,                ///< of an atomic's value
  kJoin,
};

/// How the wait was recognised, most trusted first.
enum class RecognisedBy { kCleanupChain, kRegisters, kCallSite, kFunctionName };

struct Deadline {
  bool realtime = false;  ///< else CLOCK_MONOTONIC
  std::chrono::nanoseconds at{0};
  std::optional<std::chrono::nanoseconds> remaining;  ///< at capture; negative: overdue
};

struct Wait {
  ThreadIndex thread = 0;
  ResourceIndex resource = 0;
  WaitKind kind = WaitKind::kLock;
  RecognisedBy recognised_by = RecognisedBy::kRegisters;
  std::optional<std::size_t> frame;  ///< of the thread's stack: innermost one of the program's own
  std::optional<Deadline> deadline;  ///< set for a timed wait
  std::optional<std::chrono::nanoseconds> waited;  ///< a lower bound
};

/// A thread that sleeps in a call about something of the kernel's.
struct KernelWait {
  ThreadIndex thread = 0;
  CallSubject subject;
  std::vector<std::size_t> files;  ///< into Snapshot::kernel.files: of the subject's descriptors
  /// Those of which one must act before the call returns, ascending; the target itself can be one.
  /// Empty where nobody is known.
  std::vector<Tid> processes;
  /// How many of them: holders of locks that belong to a process must all give them up, but for
  /// those that open files have, a lock that several processes have can be one and the same.
  Needs needs = Needs::kAny;
  /// The kernel does not tell these processes, but they are likely: who has a path to a FIFO that
  /// nobody has open.
  bool likely = false;
  /// Others may open the file by its name, and act too: it is a FIFO or a message queue. A service
  /// that reads it waits for whoever comes; it is mostly open to write too, somewhere, so that the
  /// service sees no end of it.
  bool others_may_come = false;
  std::optional<Deadline> deadline;
};

/// Waits that wait for each other. Begins with the lowest tid. One wait: a thread waits for itself.
struct Cycle {
  std::vector<WaitIndex> waits;
  /// Which of these threads each of the waits waits for; the first where there are several.
  std::vector<ThreadIndex> holders;
  /// Of them waits[i] waits only for waits[i + 1]'s thread, and the last one for the first's. Else
  /// the waits ascend.
  bool ring = true;
};

/// Threads whose program frames are the same, function by function.
struct StackGroup {
  std::vector<ThreadIndex> threads;    ///< ascending
  std::vector<std::size_t> functions;  ///< locations of the first thread's frames, innermost first
};

/// What one thread is doing; its wait if it has one that was recognised.
enum class Activity {
  kWaits,            ///< ThreadStatus::wait
  kFutex,            ///< in a futex call that no primitive claims
  kIdle,             ///< parked in a call that threads wait for work in
  kSleeps,           ///< until a time of its own
  kBlocked,          ///< in another call of the kernel
  kUninterruptible,  ///< in D state
  kStopped,          ///< by a signal or a tracer
  kRuns,             ///< on a processor, or ready to be
  kCrashed,          ///< in a core: a signal that it caused itself ended the process
  kEnded,            ///< a zombie, or gone while pstuck looked
  kUnknown,
};

/// What a rule says of the threads that it fits: see thread_rules.h.
struct Remark {
  enum class Says {
    kIdle,  ///< parked for work: not stuck
    kAsk,   ///< waits for what only a table of the program's own tells of
    kLock,  ///< waits for a semaphore that a thread takes and gives back, and no signal handler
  };
  Says says = Says::kIdle;
  std::string reason;   ///< "libuv's thread pool"; of the others: "a lock of Python's"
  std::string command;  ///< of kAsk: shows that table
};

struct ThreadStatus {
  Activity activity = Activity::kUnknown;
  std::optional<WaitIndex> wait;
  std::optional<KernelWaitIndex> kernel_wait;
  std::int64_t syscall = -1;  ///< the call it is in, restarts resolved; -1 for none or unknown
  std::optional<RemarkIndex> remark;  ///< of the first rule that fits
  std::optional<std::size_t> frame;   ///< innermost frame of the program's own
  std::vector<std::size_t>
      functions;          ///< locations of the program's frames, innermost first; else of all
  std::size_t alike = 0;  ///< the same for threads with the same functions, lines not counted
};

/// All threads stacked behind one resource, and what is at the end of the chain.
struct PileUp {
  ResourceIndex resource = 0;
  std::vector<WaitIndex> waits;     ///< ascending by tid; the members of a cycle are not in here
  std::vector<StackGroup> groups;   ///< biggest first
  std::optional<CycleIndex> cycle;  ///< the chain ends in this cycle
  std::optional<PileUpIndex> next;  ///< the holder itself is stacked behind this one
  std::optional<ThreadIndex> root;  ///< the thread that must move first; none in or behind a cycle
  /// Where the chain ends: the root, or a thread that waits for something of which nobody is known.
  /// None in or behind a cycle.
  std::optional<ThreadIndex> end;
  std::size_t hops = 0;     ///< waits between these threads and the end of the chain
  std::size_t victims = 0;  ///< all threads behind the resource, through all hops
};

/// The end of chains of waits: a thread, or a deadlock, that must move before those behind it can.
struct RootBlocker {
  std::optional<ThreadIndex> thread;
  std::optional<CycleIndex> cycle;
  std::vector<PileUpIndex> pile_ups;  ///< whose chains end here, most victims first
  std::vector<ThreadIndex> victims;   ///< behind it through all hops, ascending; none of its cycle
  /// So many threads surely go on once it alone moves: of the victims, and all of its cycle. A
  /// victim may need others to act as well.
  std::size_t frees = 0;
};

enum class FindingKind {
  kDeadlock,   ///< a cycle
  kAllAsleep,  ///< every thread waits for another thread of the process, without a time limit
  kOwnerExited,
  kForkInherited,
  kOwnerRecycled,
  kStalledHolder,  ///< threads are stacked behind a holder that has not run for kStalledAfter
};

/// A holder that has not run for this long, in a wait that is not idleness, is called stalled.
inline constexpr std::chrono::seconds kStalledAfter{10};

/// What the second look told. A finding whose threads moved is not in the diagnosis any more.
struct Confirmation {
  bool looked_again = false;        ///< never for a core
  bool counters_seen = false;       ///< context-switch counters were readable both times
  std::chrono::nanoseconds gap{0};  ///< between the two reads
};

struct Finding {
  FindingKind kind = FindingKind::kDeadlock;
  Evidence evidence = Evidence::kRecorded;  ///< of its weakest edge
  std::optional<CycleIndex> cycle;          ///< set for kDeadlock
  std::optional<ResourceIndex> resource;    ///< set for the others but kAllAsleep
  std::vector<ThreadIndex>
      stuck_behind;  ///< through all hops; members of the cycle are not in here
  std::optional<std::chrono::nanoseconds> since;           ///< lower bound: the shortest wait in it
  std::optional<std::chrono::nanoseconds> ends_by_itself;  ///< a timed wait in it ends after this
  Confirmation confirmation;
};

/// What a thread did from the first of several further looks to the last one.
struct ThreadProgress {
  ThreadIndex thread = 0;
  bool ran = false;    ///< in between; a stop by pstuck does not count
  bool ended = false;  ///< in between
  std::optional<std::chrono::nanoseconds> cpu_time;     ///< used in between
  std::optional<std::chrono::nanoseconds> kernel_time;  ///< of it, in steps of a clock tick
  std::size_t stacks = 0;     ///< that were seen of it, with the capture's; 0: only watched
  std::size_t in_kernel = 0;  ///< with so many of them it was in a system call, or came out of one
  std::int64_t syscall = -1;  ///< in all of those; -1: in different ones, or in none
  std::size_t same_frames = 0;  ///< outermost frames that are in the same functions in all stacks
  /// Of the thread's stack in the report: the innermost of these that is the program's own.
  std::optional<std::size_t> frame;
};

/// How threads got on over several further looks.
struct Samples {
  std::size_t looks = 0;                ///< 0: none was taken
  std::chrono::nanoseconds span{0};     ///< from the first to the last
  std::vector<ThreadProgress> threads;  ///< ascending by thread
};

/// Threads that no finding and no pile-up is about, alike in what they do.
struct ThreadGroup {
  Activity activity = Activity::kUnknown;
  std::optional<ResourceKind> waits_for;  ///< set for kWaits
  std::int64_t syscall = -1;
  std::optional<RemarkIndex> remark;
  StackGroup group;  ///< without functions where a rule puts different stacks together
};

struct Diagnosis {
  std::vector<Remark> remarks;           ///< in the order of the rules; each fits a thread
  std::vector<ThreadStatus> threads;     ///< one for each thread of the snapshot, in its order
  std::vector<Resource> resources;       ///< ascending by kind, then address
  std::vector<Wait> waits;               ///< ascending by thread
  std::vector<KernelWait> kernel_waits;  ///< ascending by thread
  std::vector<HeldLock> held;    ///< ascending by thread, innermost frame first, then resource
  std::vector<Cycle> cycles;     ///< ascending by first thread
  std::vector<PileUp> pile_ups;  ///< most victims first
  std::vector<RootBlocker> root_blockers;  ///< most victims first; of as many deadlocks first
  std::vector<Finding> findings;           ///< deadlocks first, then by threads concerned
  std::vector<ThreadGroup> others;         ///< biggest first
  std::vector<BlindSpot> blind_spots;      ///< of the analysis; those of the capture are elsewhere
  Samples samples;
  std::size_t moved = 0;  ///< findings dropped since the second look saw their threads move
};

}  // namespace pstuck
