#pragma once

#include <string>
#include <string_view>

namespace pstuck {

/// Types of the C library and of C frameworks that are locks, by their typedef: "pthread_mutex_t".
bool is_lock_typedef(std::string_view name);

/// Cheap: some library has a lock class of this name; without its library it proves nothing.
bool may_be_lock_class(std::string_view name);

/// `name` as in DWARF, with template arguments; `library` is the outermost namespace around it.
bool is_lock_class(std::string_view name, std::string_view library);

/// Classes whose objects hold a lock from their construction on: "lock_guard<std::mutex>".
bool is_guard_class(std::string_view name, std::string_view library);

/// What programs call a lock class: "std::sync::Mutex" of Rust's std::sync::poison::mutex::Mutex<T>
/// and of what is inside it. The modules are not the same in every release. Others stay as they
/// are.
std::string public_lock_name(std::string_view name);

/// Members that only the standard library's authors know: _M_t, __ptr_.
bool is_reserved(std::string_view name);

/// Outermost namespaces of code that no programmer names locks in.
bool is_standard_library(std::string_view library);

}  // namespace pstuck
