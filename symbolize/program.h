#pragma once

/// What the program's files and its frames tell about data: names of variables, objects that lead
/// to a lock, and the code that took one. Standard library only.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attach/memory.h"
#include "symbolize/stacks.h"

namespace pstuck {

/// A variable found by an address inside it.
struct DataSymbol {
  std::string name;  ///< demangled
  /// Of the lock that begins at the address: "" for the variable itself, ".mu_", ".shards[3].mu";
  /// none where debug information does not tell.
  std::optional<std::string> member;
  std::string type;  ///< of that lock, "std::mutex"; empty where debug information does not tell
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string module;
};

/// A variable or parameter in scope at a frame's pc that has to do with a lock asked about.
struct VariableHit {
  enum class Relation {
    kContains,  ///< the lock lies in the variable itself, on the frame's stack
    kLeadsTo,   ///< the variable points or refers to an object that the lock is a part of
    kGuards,    ///< the variable is an object that only points or refers to the lock: a guard
  };

  Address lock;
  std::size_t thread = 0;  ///< index into Stacks::stacks
  std::size_t frame = 0;   ///< of the stack; an inlined call's own variables hit its own frame
  Relation relation = Relation::kLeadsTo;
  std::string variable;  ///< "lk", "server", "this"
  /// The variable's type without const and the like: "std::lock_guard<std::mutex>", "Server*".
  std::string variable_type;
  std::string path;       ///< how to come from the variable to the lock: "server->cache_.mu_", "lk"
  std::string lock_type;  ///< "std::mutex"; may be empty
  /// The innermost object of a class of the program's own that the lock is a part of.
  std::string class_member;       ///< "Cache::mu_", "Table::shards[3].mu"; empty without one
  std::optional<Address> object;  ///< where that object begins
  std::string file;               ///< of the variable's declaration; may be empty
  int line = 0;                   ///< 0: not known
};

/// What run-time type information says about the object that holds an address.
struct ObjectClass {
  std::string name;    ///< of the most derived class, "OrderBook"
  Address object;      ///< where it begins
  std::string member;  ///< ".mu_" where debug information knows the class, else empty
  std::string lock_type;
};

/// A call that took a lock in a frame's function, by the machine code.
struct LockingCall {
  std::size_t frame = 0;  ///< of the stack: the inlined call that the instruction belongs to
  Address call;           ///< of the call instruction
  std::string file;       ///< of the call in that frame's function; may be empty
  int line = 0;
  bool on_every_path = true;  ///< else only some of the paths from the call lead here
  bool given_back = false;    ///< since then: the frame does not hold it any more
};

/// What a frame's function has done with an object, or may come to do, by the machine code.
struct ObjectUse {
  enum class Kind {
    kTook,      ///< the lock, and still has it
    kGaveBack,  ///< the lock
    kWillGive,  ///< may come to give a semaphore's unit that it did not take
    kArrives,   ///< may come to a call that arrives at the barrier or latch
    kNotifies,  ///< is in a call that notifies or makes the future's result, or may come to one
    kRunsOnce,  ///< is in a call that runs what the once-flag guards, or that waits for it
  };

  Kind kind = Kind::kTook;
  Address object;
  std::size_t thread = 0;     ///< index into Stacks::stacks
  std::size_t frame = 0;      ///< of the stack
  bool on_every_path = true;  ///< kTook: else only some of the paths from the call lead here
  bool shared = false;        ///< kTook: with other readers
  bool returns_it = false;    ///< kTook, of a semaphore: every path from here gives it back
};

/// Where a field lies in an object, and how many bytes it has.
struct FieldPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  friend bool operator==(const FieldPlace&, const FieldPlace&) = default;
};

/// A field of an array's elements.
struct ElementField {
  std::uint64_t stride = 0;  ///< from element to element
  FieldPlace field;          ///< in an element

  friend bool operator==(const ElementField&, const ElementField&) = default;
};

/// Who can tell these things: the Symbolizer, or a test.
class Program {
 public:
  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  virtual ~Program() = default;

  virtual std::optional<DataSymbol> find_data_symbol(Address at) = 0;

  /// A variable of the C library by its name in the symbol table, "_IO_list_all"; also where the
  /// library is a part of the program itself.
  virtual std::optional<Address> find_libc_variable(std::string_view name) = 0;

  /// The program's own variable of this name, as demangled: "orders::g_threads". None where there
  /// is none in the symbol tables, and where there are several.
  virtual std::optional<AddressRange> find_variable(std::string_view name) = 0;

  /// The member that a path like "info.tid" leads to in each element of an array variable; none
  /// without debug information.
  virtual std::optional<ElementField> find_element_member(Address variable,
                                                          std::string_view path) = 0;

  /// The same in objects of a class, by the debug information of the module that the code is in.
  virtual std::optional<FieldPlace> find_member(const CodeAddress& code,
                                                std::string_view class_name,
                                                std::string_view path) = 0;

  /// All variables of all frames that have to do with these locks, ascending by thread, frame and
  /// place in the frame's scopes. `locks` is ascending.
  virtual std::vector<VariableHit> find_variables(const Stacks& stacks,
                                                  std::span<const Address> locks) = 0;

  /// None where no object with a virtual table holds the address.
  virtual std::optional<ObjectClass> find_object_class(Address at) = 0;

  /// The class whose virtual table the first word of `object` points to, the standard library's
  /// too; whether it really is the beginning of an object the caller must know. None without such a
  /// table.
  virtual std::optional<std::string> find_virtual_class(Address object) = 0;

  /// All that the threads' frames have to do with these objects, ascending by thread; innermost
  /// frame first. `objects` is ascending.
  virtual std::vector<ObjectUse> find_uses(const Stacks& stacks,
                                           std::span<const Address> objects) = 0;

  /// The calls in this thread's frames that took the lock, innermost frame first.
  virtual std::vector<LockingCall> find_locking_calls(const Stacks& stacks, std::size_t thread,
                                                      Address lock) = 0;

  /// The function that the call before a return address leads to, demangled; empty where it is
  /// decided at run time and where no function begins.
  virtual std::string find_called_function(const CodeAddress& pc) = 0;

  /// What the call that this frame is in passed as its argument `number`, from 1, by the machine
  /// code. None for an inlined frame, and where the code does not tell.
  virtual std::optional<std::uint64_t> find_argument(const Stacks& stacks, std::size_t thread,
                                                     std::size_t frame, std::size_t number) = 0;
};

}  // namespace pstuck
