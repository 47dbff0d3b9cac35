#pragma once

/// What every generated case of the corpus uses: ways to lock, ways to block, and the words in
/// which a case tells its truth on standard output, one fact a line:
///
///   pid N
///   case ID TID NAME
///   holds ID LOCK TID ADDRESS KIND NAME TAG TAKEN…   TAG: plain, inline, returned, decoy
///   ready
///
/// TAKEN is FUNCTION|PHYSICAL|FILE|LINES: the function that took the lock, the function whose code
/// does it where the compiler inlined that one, and the lines that count as the right ones. Several
/// of them: each is right. A case without "holds" holds nothing.

#include <pthread.h>
#include <sched.h>
#include <threads.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#define NOINLINE __attribute__((noinline))

/// Stands behind a call that must not become a jump; makes the bodies of two cases differ.
#define KEEP_FRAME(id) asm volatile("# case " #id ::: "memory")

/// Says where the calling thread's lock number `lock` is, just before or after it is taken.
void tell_lock(int id, int lock, const void* address);

/// Work that the compiler cannot see through.
void touch();
int pick(int number);
void use(const volatile void* pointer);
void call(void (*function)(void*), void* argument);

template <typename T>
inline T* opaque(T* pointer) {
  asm volatile("" : "+r"(pointer));
  return pointer;
}

/// Ways to block until the process ends. All return as far as the compiler knows.
void park();
void park_in_condition();
void park_at_gate();
void park_deep(int frames);

/// Takes or gives back a lock for its caller.
void lock_for_caller(std::mutex& mutex);
void unlock_for_caller(std::mutex& mutex);
std::unique_lock<std::mutex> make_lock(std::mutex& mutex);
bool try_lock_for_caller(std::mutex& mutex, bool wanted);

/// Locks through a pointer, as libraries do that can work without threads.
extern int (*volatile lock_function)(pthread_mutex_t*);
extern int (*volatile unlock_function)(pthread_mutex_t*);

/// A program's own guards.
class PointerGuard {
 public:
  explicit PointerGuard(std::mutex* mutex) : mutex_(mutex) { mutex_->lock(); }
  ~PointerGuard() { mutex_->unlock(); }
  PointerGuard(const PointerGuard&) = delete;
  PointerGuard& operator=(const PointerGuard&) = delete;

 private:
  std::mutex* mutex_;
};

class ReferenceGuard {
 public:
  explicit ReferenceGuard(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  ~ReferenceGuard() { pthread_mutex_unlock(&mutex_); }
  ReferenceGuard(const ReferenceGuard&) = delete;
  ReferenceGuard& operator=(const ReferenceGuard&) = delete;

 private:
  pthread_mutex_t& mutex_;
};

template <typename Mutex>
class Hold {
 public:
  explicit Hold(Mutex& mutex, long reason = 0) : reason_(reason), mutex_(&mutex) { mutex.lock(); }
  ~Hold() { mutex_->unlock(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  long reason_;
  Mutex* mutex_;
};

/// A program's own mutex class around a pthread one.
class Latch {
 public:
  void lock() { pthread_mutex_lock(&native_); }
  void unlock() { pthread_mutex_unlock(&native_); }

 private:
  pthread_mutex_t native_ = PTHREAD_MUTEX_INITIALIZER;
};

/// A lock behind an interface.
class Lockable {
 public:
  virtual ~Lockable() = default;
  virtual void lock() = 0;
  virtual void unlock() = 0;
};

class LockableMutex : public Lockable {
 public:
  void lock() override { mutex.lock(); }
  void unlock() override { mutex.unlock(); }
  std::mutex mutex;
};

/// Its lock and unlock stand in another file.
class Door {
 public:
  void lock();
  void unlock();

 private:
  pthread_mutex_t native_ = PTHREAD_MUTEX_INITIALIZER;
};

struct AdaptiveMutex {
  pthread_mutex_t native = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
};

struct ErrorCheckMutex {
  pthread_mutex_t native = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
};

struct RobustMutex {
  RobustMutex();
  pthread_mutex_t native;
};

struct InheritMutex {
  InheritMutex();
  pthread_mutex_t native;
};

struct C11Mutex {
  C11Mutex() { mtx_init(&native, mtx_plain); }
  mtx_t native;
};

struct Rwlock {
  pthread_rwlock_t native = PTHREAD_RWLOCK_INITIALIZER;
};

struct Case {
  int id;
  const char* name;
  void (*enter)();
};

struct Pair {
  int id;
  int lock;
  const char* kind;  ///< mutex, rwlock, stdio
  const char* tag;
  const char* taken;
};

/// The generated table, ascending; each list ends with an id of 0.
extern const Case cases[];
extern const Pair pairs[];

extern std::atomic<int> parked;
extern std::mutex gate;
