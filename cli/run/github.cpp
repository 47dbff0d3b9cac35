#include "cli/run/github.h"

#include <fmt/format.h>

#include <filesystem>

namespace pstuck {
namespace {

// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
std::string escape_data(std::string_view text, std::string_view also = "") {
  std::string escaped;
  for (const char c : text) {
    const bool special = c == '%' || c == '\r' || c == '\n' || also.find(c) != also.npos;
    escaped += special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return escaped;
}

std::string escape_property(std::string_view text) { return escape_data(text, ":,"); }

std::string name_in_workspace(const std::string& file, const std::string& workspace) {
  if (workspace.empty()) return file;
  const auto relative = std::filesystem::path(file).lexically_relative(workspace).string();
  return relative.empty() || relative.starts_with("..") ? file : relative;
}

std::string annotation(const Hang& hang, const std::string& workspace) {
  std::string properties;
  if (!hang.file.empty()) {
    properties = fmt::format("file={},line={},",
                             escape_property(name_in_workspace(hang.file, workspace)), hang.line);
  }
  const std::string text =
      hang.details.empty() ? hang.sentence : fmt::format("{}\n{}", hang.sentence, hang.details);
  return fmt::format("::error {}title={}::{}\n", properties, escape_property(hang.word),
                     escape_data(text));
}

}  // namespace

std::string github_annotations(const std::vector<Hang>& hangs, const std::string& late,
                               const std::string& workspace) {
  if (hangs.empty()) {
    return annotation({.word = "TIMEOUT", .sentence = late + "; no hang was found"}, workspace);
  }
  std::string lines;
  for (const Hang& hang : hangs) lines += annotation(hang, workspace);
  return lines;
}

}  // namespace pstuck
