#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "attach/ids.h"

namespace pstuck {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

inline Json or_null(const std::optional<std::chrono::nanoseconds>& value) {
  return value ? Json(value->count()) : Json();
}

inline Json or_null(const std::optional<Tid>& tid) { return tid ? Json(tid->value) : Json(); }

inline Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

template <typename List, typename Write>
Json list_of(const List& items, Write write) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(write(item));
  return list;
}

}  // namespace pstuck
