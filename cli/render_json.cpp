#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "attach/mappings.h"
#include "cli/across_sentences.h"
#include "cli/hang_signature.h"
#include "cli/json_across.h"
#include "cli/json_kernel.h"
#include "cli/json_words.h"
#include "cli/renderers.h"
#include "cli/sentences.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr int kSchemaVersion = 1;

std::string hexadecimal(std::uint64_t value) { return fmt::format("{:#x}", value); }

/// Writes one report; thread ids stand wherever the diagnosis has thread indexes.
class ReportWriter {
 public:
  explicit ReportWriter(const Report& report)
      : report_(report), diagnosis_(report.diagnosis), sentences_(report) {}

  /// `in_deadlock`: over several processes.
  [[nodiscard]] Json target(bool in_deadlock) const;

 private:
  [[nodiscard]] Json crash() const;
  [[nodiscard]] Json process() const;
  [[nodiscard]] Json capture() const;
  [[nodiscard]] Json thread(ThreadIndex index) const;
  [[nodiscard]] Json wait(ThreadIndex index) const;
  [[nodiscard]] Json kernel_wait(const ThreadStatus& status) const;
  [[nodiscard]] Json remark(const std::optional<RemarkIndex>& index) const;
  [[nodiscard]] Json held(const HeldLock& held) const;
  [[nodiscard]] Json stack(ThreadIndex index) const;
  [[nodiscard]] Json frame(const Frame& frame) const;
  [[nodiscard]] Json resource(const Resource& resource) const;
  [[nodiscard]] Json rwlock(const Resource& resource) const;
  [[nodiscard]] Json shared_at(const Resource& resource) const;
  [[nodiscard]] Json parties(const Resource& resource) const;
  [[nodiscard]] Json condition_mutex(const Resource& resource) const;
  [[nodiscard]] static Json owner_gap(const Resource& resource);
  [[nodiscard]] Json partner(const Partner& partner) const;
  [[nodiscard]] Json holder(const Holder& holder) const;
  [[nodiscard]] Json cycle(const Cycle& cycle) const;
  [[nodiscard]] Json pile_up(const PileUp& pile_up) const;
  [[nodiscard]] Json root_blocker(const RootBlocker& root) const;
  [[nodiscard]] Json finding(const Finding& finding) const;
  [[nodiscard]] Json other(const ThreadGroup& group) const;
  [[nodiscard]] Json samples() const;

  [[nodiscard]] Json tid(ThreadIndex thread) const { return sentences_.labels().tid(thread).value; }
  [[nodiscard]] Json tid(const std::optional<ThreadIndex>& thread) const {
    return thread ? tid(*thread) : Json();
  }
  [[nodiscard]] Json tids(const std::vector<ThreadIndex>& threads) const;
  [[nodiscard]] Json functions(const std::vector<std::size_t>& locations) const;
  [[nodiscard]] std::string_view verdict(bool in_deadlock) const;

  const Report& report_;
  const Diagnosis& diagnosis_;
  Sentences sentences_;
};

Json ReportWriter::tids(const std::vector<ThreadIndex>& threads) const {
  return list_of(threads, [&](ThreadIndex thread) { return tid(thread); });
}

Json ReportWriter::functions(const std::vector<std::size_t>& locations) const {
  return list_of(locations, [&](std::size_t index) {
    const Location& location = report_.stacks.locations.at(index);
    if (!location.function.empty()) return Json(location.function);
    return Json(fmt::format("{}+{:#x}", location.module, location.module_offset));
  });
}

std::string_view ReportWriter::verdict(bool in_deadlock) const {
  if (in_deadlock) return "deadlock";
  const auto& findings = diagnosis_.findings;
  if (findings.empty()) return "no_hang_found";
  const bool deadlock = std::any_of(findings.begin(), findings.end(), [](const Finding& found) {
    return found.kind == FindingKind::kDeadlock;
  });
  return deadlock ? "deadlock" : "stuck";
}

Json ReportWriter::target(bool in_deadlock) const {
  const Snapshot& snapshot = report_.snapshot;
  Json json{{"kind", json_word(snapshot.kind)},
            {"verdict", verdict(in_deadlock)},
            {"process", process()}};
  if (snapshot.core) {
    json["core"] = {{"path", snapshot.core->path},
                    {"signal", snapshot.core->signal},
                    {"missing_bytes", snapshot.core->missing_bytes},
                    {"crash", crash()}};
  }
  if (const auto& saved = snapshot.saved) {
    json["saved"] = {{"path", saved->path},
                     {"written_by", saved->written_by},
                     {"host", saved->host.empty() ? Json() : Json(saved->host)},
                     {"redacted", saved->redacted}};
  }
  json["capture"] = capture();
  json["threads"] = Json::array();
  for (ThreadIndex i = 0; i < snapshot.threads.size(); ++i) json["threads"].push_back(thread(i));
  json["resources"] =
      list_of(diagnosis_.resources, [&](const Resource& item) { return resource(item); });
  json["cycles"] = list_of(diagnosis_.cycles, [&](const Cycle& item) { return cycle(item); });
  json["pile_ups"] =
      list_of(diagnosis_.pile_ups, [&](const PileUp& item) { return pile_up(item); });
  json["root_blockers"] = list_of(diagnosis_.root_blockers,
                                  [&](const RootBlocker& item) { return root_blocker(item); });
  json["findings"] =
      list_of(diagnosis_.findings, [&](const Finding& item) { return finding(item); });
  json["others"] = list_of(diagnosis_.others, [&](const ThreadGroup& item) { return other(item); });
  json["other_processes"] = list_of(snapshot.kernel.processes, json_of_process);
  json["samples"] = samples();
  json["moved"] = diagnosis_.moved;
  json["blind_spots"] = list_of(snapshot.blind_spots, [](const BlindSpot& spot) {
    return Json{{"kind", json_word(spot.kind)}, {"detail", spot.detail}};
  });
  return json;
}

Json ReportWriter::crash() const {
  const CoreFacts& core = *report_.snapshot.core;
  if (!core.crash) return {};
  Json address;
  if (core.crash->address) address = fmt::format("{:#x}", core.crash->address->value);
  return {{"tid", core.crash->thread.value},
          {"signal_name", signal_words(core.signal)},
          {"cause", json_word(core.crash->cause)},
          {"code", core.crash->code},
          {"address", address},
          {"sender_pid", or_null(core.crash->sender)},
          {"sentence", sentences_.crash(*core.crash)}};
}

Json ReportWriter::process() const {
  const Process& process = report_.snapshot.process;
  Json forked_from;
  if (process.forked_from) {
    forked_from = {{"pid", process.forked_from->pid.value},
                   {"name", process.forked_from->name},
                   {"command_line", process.forked_from->command_line}};
  }
  return {{"pid", process.pid.value},
          {"pid_in_target", process.pid_in_target.value},
          {"parent", process.parent.value > 0 ? Json(process.parent.value) : Json()},
          {"name", process.name},
          {"command_line", process.command_line},
          {"executable", or_null(process.executable)},
          {"age_ns", or_null(process.age)},
          {"forked_from", forked_from},
          {"container_id", or_null(process.container_id)},
          {"frozen_group", or_null(report_.snapshot.kernel.frozen_group)}};
}

Json ReportWriter::capture() const {
  const Snapshot& snapshot = report_.snapshot;
  return {{"took_ns", snapshot.capture_took.count()},
          {"longest_stop_ns", snapshot.longest_stop.count()},
          {"frozen", snapshot.frozen},
          {"realtime_ns", or_null(snapshot.realtime)}};
}

Json ReportWriter::thread(ThreadIndex index) const {
  const ThreadSnapshot& facts = report_.snapshot.threads[index];
  const ThreadStatus& status = sentences_.labels().status(index);
  Json switches;
  if (facts.switches) {
    switches = {{"voluntary", facts.switches->voluntary},
                {"involuntary", facts.switches->involuntary}};
  }
  return {{"tid", facts.tid.value},
          {"tid_in_target", facts.tid_in_target.value},
          {"name", facts.name},
          {"state", std::string(1, facts.state)},
          {"activity", json_word(status.activity)},
          {"syscall", json_of_syscall(status.syscall)},
          {"wait", wait(index)},
          {"kernel_wait", kernel_wait(status)},
          {"remark", remark(status.remark)},
          {"holds", list_of(sentences_.labels().held(index),
                            [&](const HeldLock* lock) { return held(*lock); })},
          {"kernel_stack", facts.kernel_stack},
          {"not_run_for_ns", or_null(facts.not_run_for)},
          {"age_ns", or_null(facts.age)},
          {"cpu_time_ns", or_null(facts.cpu_time)},
          {"switches", switches},
          {"capture", json_word(facts.capture)},
          {"capture_reason", json_word(facts.capture_reason)},
          {"stack", stack(index)}};
}

Json ReportWriter::wait(ThreadIndex index) const {
  const ThreadStatus& status = sentences_.labels().status(index);
  if (!status.wait) return {};
  const Wait& wait = diagnosis_.waits.at(*status.wait);
  return {{"resource", wait.resource},
          {"kind", json_word(wait.kind)},
          {"recognised_by", json_word(wait.recognised_by)},
          {"frame", or_null(wait.frame)},
          {"deadline", json_of_deadline(wait.deadline)},
          {"waited_ns", or_null(wait.waited)}};
}

Json ReportWriter::kernel_wait(const ThreadStatus& status) const {
  if (!status.kernel_wait) return {};
  return json_of_kernel_wait(diagnosis_.kernel_waits.at(*status.kernel_wait), report_.snapshot);
}

Json ReportWriter::remark(const std::optional<RemarkIndex>& index) const {
  if (!index || *index >= diagnosis_.remarks.size()) return {};
  const Remark& remark = diagnosis_.remarks[*index];
  return {{"says", json_word(remark.says)},
          {"reason", remark.reason},
          {"command", or_null(remark.command)}};
}

Json ReportWriter::held(const HeldLock& held) const {
  Json acquisition;
  if (const Acquisition* taken = sentences_.labels().acquisition(&held)) {
    acquisition = {{"frame", taken->frame},
                   {"by", json_word(taken->by)},
                   {"variable", or_null(taken->variable)},
                   {"file", or_null(taken->file)},
                   {"line", taken->line > 0 ? Json(taken->line) : Json()}};
  }
  return {{"resource", held.resource},
          {"found_by", json_word(held.found_by)},
          {"acquisition", acquisition}};
}

Json ReportWriter::stack(ThreadIndex index) const {
  const Stack& stack = sentences_.labels().stack(index);
  return {{"end", json_word(stack.end)},
          {"library_call", or_null(stack.library_call)},
          {"frames", list_of(stack.frames, [&](const Frame& item) { return frame(item); })}};
}

Json ReportWriter::frame(const Frame& frame) const {
  const Location& at = report_.stacks.at(frame);
  const bool in_module = !at.module.empty();
  return {{"pc", hexadecimal(frame.pc.address().value)},
          {"function", or_null(at.function)},
          {"symbol", or_null(at.symbol)},
          {"module", or_null(at.module)},
          {"module_offset", in_module ? Json(hexadecimal(at.module_offset)) : Json()},
          {"file", or_null(at.file)},
          {"line", at.line > 0 ? Json(at.line) : Json()},
          {"inlined", at.inlined},
          {"interrupted", frame.interrupted}};
}

Json ReportWriter::resource(const Resource& resource) const {
  Json mutex;
  if (resource.mutex) {
    mutex = {{"type", json_word(resource.mutex->type)},
             {"protocol", json_word(resource.mutex->protocol)},
             {"robust", resource.mutex->robust},
             {"process_shared", resource.mutex->process_shared}};
  }
  return {
      {"kind", json_word(resource.kind)},
      {"address", hexadecimal(resource.address.value)},
      {"name", or_null(resource.name)},
      {"named_by", json_word(resource.named_by)},
      {"number", resource.number},
      {"name_module", or_null(resource.name_module)},
      {"type", or_null(resource.type)},
      {"process_shared", resource.process_shared},
      {"shared_at", shared_at(resource)},
      {"mutex", mutex},
      {"recursion", resource.recursion},
      {"rwlock", rwlock(resource)},
      {"value", or_null(resource.value)},
      {"value_in_parent", or_null(resource.value_in_parent)},
      {"parties", parties(resource)},
      {"condition_mutex", condition_mutex(resource)},
      {"holder", holder(resource.holder)},
      {"owner_gap", owner_gap(resource)},
      {"partners", list_of(resource.partners, [&](const Partner& item) { return partner(item); })},
      {"partners_complete", resource.partners_complete},
      {"needs", json_word(resource.needs)},
      {"blocker_tid", tid(resource.blocker)}};
}

/// The same for all processes that map the file, wherever they do.
Json ReportWriter::shared_at(const Resource& resource) const {
  const Mapping* const mapping = find_mapping(report_.snapshot, resource.address);
  if (mapping == nullptr || !mapping->shared || mapping->inode == 0) return {};
  return {{"path", or_null(mapping->path)},
          {"inode", mapping->inode},
          {"offset", mapping->file_offset + (resource.address - mapping->start)}};
}

Json ReportWriter::rwlock(const Resource& resource) const {
  if (!resource.rwlock) return {};
  return {{"readers", resource.rwlock->readers},
          {"waiting_writers", resource.rwlock->waiting_writers},
          {"write_locked", resource.rwlock->write_locked}};
}

Json ReportWriter::parties(const Resource& resource) const {
  if (!resource.parties) return {};
  return {{"arrived", or_null(resource.parties->arrived)},
          {"expected", or_null(resource.parties->expected)},
          {"missing", resource.parties->missing}};
}

Json ReportWriter::condition_mutex(const Resource& resource) const {
  if (!resource.condition_mutex) return {};
  return {{"address", hexadecimal(resource.condition_mutex->address.value)},
          {"name", or_null(resource.condition_mutex->name)}};
}

Json ReportWriter::owner_gap(const Resource& resource) {
  if (!resource.owner_gap) return {};
  return {{"kind", json_word(resource.owner_gap->kind)}, {"what", resource.owner_gap->what}};
}

Json ReportWriter::partner(const Partner& partner) const {
  return {{"tid", tid(partner.thread)},
          {"part", json_word(partner.part)},
          {"evidence", json_word(partner.evidence)},
          {"frame", or_null(partner.frame)}};
}

Json ReportWriter::holder(const Holder& holder) const {
  Json elsewhere;
  if (holder.elsewhere) {
    elsewhere = {{"tid", holder.elsewhere->tid.value},
                 {"process", holder.elsewhere->process.value},
                 {"process_name", holder.elsewhere->process_name},
                 {"in_parent", holder.elsewhere->in_parent},
                 {"state", std::string(1, holder.elsewhere->state)},
                 {"syscall", json_of_syscall(holder.elsewhere->syscall)}};
  }
  return {{"evidence", json_word(holder.evidence)},
          {"fate", json_word(holder.fate)},
          {"tid", tid(holder.thread)},
          {"recorded_id", holder.recorded_id ? Json(holder.recorded_id->value) : Json()},
          {"elsewhere", elsewhere}};
}

Json ReportWriter::cycle(const Cycle& cycle) const {
  Json waits = Json::array();
  for (std::size_t i = 0; i < cycle.waits.size(); ++i) {
    const Wait& wait = diagnosis_.waits.at(cycle.waits[i]);
    waits.push_back({{"tid", tid(wait.thread)},
                     {"resource", wait.resource},
                     {"holder_tid", tid(cycle.holders.at(i))}});
  }
  return {{"ring", cycle.ring}, {"waits", waits}};
}

Json ReportWriter::pile_up(const PileUp& pile_up) const {
  return {
      {"resource", pile_up.resource},
      {"tids", list_of(pile_up.waits,
                       [&](WaitIndex wait) { return tid(diagnosis_.waits.at(wait).thread); })},
      {"groups",
       list_of(
           pile_up.groups,
           [&](const StackGroup& group) {
             return Json{{"tids", tids(group.threads)}, {"functions", functions(group.functions)}};
           })},
      {"cycle", or_null(pile_up.cycle)},
      {"next", or_null(pile_up.next)},
      {"root_tid", tid(pile_up.root)},
      {"hops", pile_up.hops},
      {"victims", pile_up.victims}};
}

Json ReportWriter::root_blocker(const RootBlocker& root) const {
  return {{"tid", tid(root.thread)},   {"cycle", or_null(root.cycle)},
          {"pile_ups", root.pile_ups}, {"victims", tids(root.victims)},
          {"frees", root.frees},       {"sentence", sentences_.root_blocker(root)}};
}

Json ReportWriter::finding(const Finding& finding) const {
  return {{"kind", json_word(finding.kind)},
          {"evidence", json_word(finding.evidence)},
          {"cycle", or_null(finding.cycle)},
          {"resource", or_null(finding.resource)},
          {"stuck_behind", tids(finding.stuck_behind)},
          {"since_ns", or_null(finding.since)},
          {"ends_by_itself_ns", or_null(finding.ends_by_itself)},
          {"confirmation", json_of_confirmation(finding.confirmation)},
          {"sentence", sentences_.verdict(finding)}};
}

Json ReportWriter::other(const ThreadGroup& group) const {
  return {{"activity", json_word(group.activity)},
          {"waits_for", group.waits_for ? Json(json_word(*group.waits_for)) : Json()},
          {"syscall", json_of_syscall(group.syscall)},
          {"remark", remark(group.remark)},
          {"tids", tids(group.group.threads)},
          {"functions", functions(group.group.functions)}};
}

Json ReportWriter::samples() const {
  const Samples& samples = diagnosis_.samples;
  if (samples.looks == 0) return {};
  return {{"looks", samples.looks},
          {"span_ns", samples.span.count()},
          {"threads", list_of(samples.threads, [&](const ThreadProgress& thread) {
             return Json{{"tid", tid(thread.thread)},
                         {"ran", thread.ran},
                         {"ended", thread.ended},
                         {"cpu_time_ns", or_null(thread.cpu_time)},
                         {"kernel_time_ns", or_null(thread.kernel_time)},
                         {"stacks", thread.stacks},
                         {"in_kernel", thread.in_kernel},
                         {"syscall", json_of_syscall(thread.syscall)},
                         {"same_frames", thread.same_frames},
                         {"frame", or_null(thread.frame)}};
           })}};
}

Json json_of_signature(const Reports& reports) {
  const auto signature = find_hang_signature(reports);
  if (!signature) return nullptr;
  return {{"id", signature->id}, {"kind", signature->kind}, {"words", signature->words}};
}

}  // namespace

void render_json(const Reports& reports, std::ostream& out) {
  ProcessIndex next = 0;  // targets first, then the followed
  const auto write = [&](const Report& report) {
    return ReportWriter(report).target(!cycles_with(reports.across, next++).empty());
  };
  const Json document{
      {"schema", "pstuck.report"},
      {"schema_version", kSchemaVersion},
      {"pstuck_version", PSTUCK_VERSION},
      {"targets", list_of(reports.targets, write)},
      {"followed", list_of(reports.followed, write)},
      {"unseen", list_of(reports.unseen,
                         [](const UnseenProcess& process) {
                           return Json{{"pid", process.pid.value}, {"why", process.why}};
                         })},
      {"across", json_of_across(reports)},
      {"signature", json_of_signature(reports)}};
  // ASCII only: whatever the target's names hold, the document is safe to show on a terminal.
  out << document.dump(2, ' ', true, Json::error_handler_t::replace) << '\n';
}

}  // namespace pstuck
