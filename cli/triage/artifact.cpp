#include "cli/triage/artifact.h"

#include <elf.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "attach/error.h"
#include "attach/snapshot_file.h"
#include "attach/unpack.h"
#include "cli/pipeline.h"

namespace pstuck {
namespace {

using Json = nlohmann::json;

std::string kind_of(const std::string& path) {
  if (is_snapshot_file(path)) return "snapshot";
  std::ifstream file(path, std::ios::binary);
  std::array<char, kMagicSize> begin{};
  file.read(begin.data(), begin.size());
  const std::string_view read(begin.data(), static_cast<std::size_t>(file.gcount()));
  const bool is_packed = !find_compression(std::as_bytes(std::span(read))).empty();
  if (is_packed || read.starts_with(ELFMAG)) return "core";
  if (read.starts_with('{')) return "report";
  return {};
}

/// Files of other JSON are no artifacts.
void read_report(Artifact& artifact) {
  std::ifstream file(artifact.path, std::ios::binary);
  const Json report = Json::parse(file, nullptr, false);
  if (report.is_discarded() || report.value("schema", "") != "pstuck.report") {
    artifact.kind.clear();
    return;
  }
  const Json& target = report.at("targets").at(0);
  const Json& time = target.at("capture").at("realtime_ns");
  if (time.is_number()) artifact.time_s = time.get<std::int64_t>() / 1'000'000'000;
  artifact.process = target.at("process").at("name").get<std::string>();
  artifact.pid = target.at("process").at("pid").get<std::int32_t>();
  artifact.threads = target.at("threads").size();
  const Json& signature = report.at("signature");
  if (signature.is_null()) return;
  artifact.signature =
      HangSignature{signature.at("id").get<std::string>(), signature.at("kind").get<std::string>(),
                    signature.at("words").get<std::string>()};
}

void look_at_target(Artifact& artifact, Options options) {
  options.targets = {artifact.path};
  const Reports reports = look_at(options, [](const Error& error) { throw error; });
  artifact.signature = find_hang_signature(reports);
  if (reports.targets.empty()) return;
  const Snapshot& first = reports.targets.front().snapshot;
  if (first.realtime) {
    artifact.time_s = std::chrono::duration_cast<std::chrono::seconds>(*first.realtime).count();
  }
  artifact.process = first.process.name;
  artifact.pid = first.process.pid.value;
  artifact.threads = first.threads.size();
  if (first.saved) artifact.host = first.saved->host;
}

}  // namespace

Artifact read_artifact(const std::string& path, const Options& options) {
  Artifact artifact{.path = path, .kind = kind_of(path)};
  struct stat file {};
  if (::stat(path.c_str(), &file) == 0) artifact.time_s = file.st_mtim.tv_sec;
  try {
    if (artifact.kind == "report") {
      read_report(artifact);
    } else if (!artifact.kind.empty()) {
      look_at_target(artifact, options);
    }
  } catch (const Error& error) {
    artifact.error = error.what();
    if (error.kind == ErrorKind::kNotACore) artifact.kind.clear();
  } catch (const std::exception&) {
    artifact.error = "it is not what pstuck writes";
  }
  return artifact;
}

std::string line_of(const Artifact& artifact) {
  Json line{{"path", artifact.path},
            {"kind", artifact.kind},
            {"error", artifact.error},
            {"time", artifact.time_s},
            {"process", artifact.process},
            {"pid", artifact.pid},
            {"host", artifact.host},
            {"threads", artifact.threads},
            {"signature", nullptr},
            {"hang", nullptr},
            {"words", nullptr}};
  if (artifact.signature) {
    line["signature"] = artifact.signature->id;
    line["hang"] = artifact.signature->kind;
    line["words"] = artifact.signature->words;
  }
  return line.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::optional<Artifact> parse_artifact(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) return {};
  Artifact artifact{.path = json.at("path").get<std::string>(),
                    .kind = json.at("kind").get<std::string>(),
                    .error = json.at("error").get<std::string>(),
                    .time_s = json.at("time").get<std::int64_t>(),
                    .process = json.at("process").get<std::string>(),
                    .pid = json.at("pid").get<std::int32_t>(),
                    .host = json.at("host").get<std::string>(),
                    .threads = json.at("threads").get<std::size_t>()};
  if (!json.at("signature").is_null()) {
    artifact.signature =
        HangSignature{json.at("signature").get<std::string>(), json.at("hang").get<std::string>(),
                      json.at("words").get<std::string>()};
  }
  return artifact;
}

}  // namespace pstuck
