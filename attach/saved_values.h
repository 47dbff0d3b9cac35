#pragma once

/// How pstuck's values stand in CBOR, for the saved_*.cpp files. Reading checks every type and
/// every enumerator: it throws nlohmann::json::exception where a file has anything else.

#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "attach/ids.h"

namespace pstuck {

using SavedJson = nlohmann::json;

/// Reads one CBOR item. Throws nlohmann::json::exception, also for items nested deeper than pstuck
/// writes them and for floating-point numbers, of which it writes none.
SavedJson parse_saved(std::span<const std::byte> cbor);

/// The words for the enumerators of E: specialised where the type is saved.
template <typename E>
struct SavedWords;

}  // namespace pstuck

namespace nlohmann {

/// Absent is null.
template <typename T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& saved, const std::optional<T>& value) {
    if (value) {
      saved = *value;
    } else {
      saved = nullptr;
    }
  }
  static void from_json(const json& saved, std::optional<T>& value) {
    value.reset();
    if (!saved.is_null()) value = saved.get<T>();
  }
};

/// Nanoseconds.
template <>
struct adl_serializer<std::chrono::nanoseconds> {
  static void to_json(json& saved, std::chrono::nanoseconds value) { saved = value.count(); }
  static void from_json(const json& saved, std::chrono::nanoseconds& value) {
    value = std::chrono::nanoseconds(saved.get<std::int64_t>());
  }
};

template <>
struct adl_serializer<pstuck::Address> {
  static void to_json(json& saved, pstuck::Address value) { saved = value.value; }
  static void from_json(const json& saved, pstuck::Address& value) {
    value.value = saved.get<std::uint64_t>();
  }
};

template <>
struct adl_serializer<pstuck::Tid> {
  static void to_json(json& saved, pstuck::Tid value) { saved = value.value; }
  static void from_json(const json& saved, pstuck::Tid& value) {
    value.value = saved.get<std::int32_t>();
  }
};

/// A byte string.
template <>
struct adl_serializer<std::vector<std::byte>> {
  static void to_json(json& saved, const std::vector<std::byte>& value) {
    json::binary_t bytes;
    bytes.resize(value.size());
    if (!value.empty()) std::memcpy(bytes.data(), value.data(), value.size());
    saved = json::binary(std::move(bytes));
  }
  static void from_json(const json& saved, std::vector<std::byte>& value) {
    const json::binary_t& bytes = saved.get_binary();
    value.resize(bytes.size());
    if (!bytes.empty()) std::memcpy(value.data(), bytes.data(), bytes.size());
  }
};

/// Enumerators by their words.
template <typename E>
requires requires { pstuck::SavedWords<E>::kWords; }
struct adl_serializer<E> {
  static void to_json(json& saved, E value) {
    for (const auto& [enumerator, word] : pstuck::SavedWords<E>::kWords) {
      if (enumerator == value) saved = word;
    }
  }
  static void from_json(const json& saved, E& value) {
    const auto& text = saved.get_ref<const std::string&>();
    for (const auto& [enumerator, word] : pstuck::SavedWords<E>::kWords) {
      if (word != text) continue;
      value = enumerator;
      return;
    }
    throw json::type_error::create(302, "unknown word", &saved);
  }
};

}  // namespace nlohmann
