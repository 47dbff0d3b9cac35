#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <span>

#include "cli/across_sentences.h"
#include "cli/blind_spots.h"
#include "cli/escape.h"
#include "cli/postmortem_cycle.h"
#include "cli/postmortem_prompts.h"
#include "cli/renderers.h"
#include "cli/words.h"

namespace pstuck {
namespace {

constexpr std::size_t kFullFindings = 4;
constexpr std::size_t kShownPileUps = 10;
constexpr std::size_t kShownMembers = 16;

/// What a section needs; Markdown is its only ink.
struct Document {
  const Reports& reports;
  const Report& report;
  std::vector<const CrossCycle*> across;  ///< that this process is a part of
  std::vector<const CrossRoot*> chains;
  Sentences sentences;
  Prompts prompts;
  std::ostream& out;
};

Ink markdown_ink() {
  Ink ink;
  ink.name = markdown_code;
  ink.code = markdown_code;
  return ink;
}

void append_new(std::vector<std::string>& into, const std::vector<std::string>& items) {
  for (const std::string& item : items) {
    if (std::find(into.begin(), into.end(), item) == into.end()) into.push_back(item);
  }
}

Prompts all_prompts(const Sentences& sentences, const std::vector<Finding>& findings) {
  if (findings.empty()) return prompts_for_nothing_stuck(sentences);
  Prompts all;
  for (std::size_t i = 0; i < findings.size() && i < kFullFindings; ++i) {
    const Prompts prompts = prompts_for(sentences, findings[i]);
    append_new(all.trigger, prompts.trigger);
    append_new(all.root_cause_known, prompts.root_cause_known);
    append_new(all.root_cause, prompts.root_cause);
    append_new(all.patch, prompts.patch);
    append_new(all.prevention_known, prompts.prevention_known);
    append_new(all.prevention, prompts.prevention);
    append_new(all.tests, prompts.tests);
  }
  return all;
}

void write_prompts(std::ostream& out, const std::vector<std::string>& prompts) {
  for (const std::string& prompt : prompts) out << "- [ ] " << prompt << '\n';
}

void write_known(std::ostream& out, const std::vector<std::string>& facts) {
  for (const std::string& fact : facts) out << "- " << fact << '\n';
  if (!facts.empty()) out << '\n';
}

void write_trigger(const Document& document) {
  const Process& process = document.report.snapshot.process;
  if (process.age) {
    document.out << "The process had run for " << duration_words(*process.age)
                 << " when pstuck looked.\n\n";
  }
  write_prompts(document.out, document.prompts.trigger);
}

void write_pile_ups(const Document& document) {
  const Diagnosis& diagnosis = document.report.diagnosis;
  if (diagnosis.pile_ups.empty()) return;
  document.out << "\nWho waits behind whom:\n\n";
  for (const RootBlocker* const root : document.sentences.ranking()) {
    document.out << "- " << document.sentences.root_blocker(*root) << ".\n";
  }
  for (std::size_t i = 0; i < diagnosis.pile_ups.size() && i < kShownPileUps; ++i) {
    document.out << "- " << document.sentences.pile_up(diagnosis.pile_ups[i]) << ".\n";
  }
  if (diagnosis.pile_ups.size() > kShownPileUps) {
    document.out << "- "
                 << count_words(diagnosis.pile_ups.size() - kShownPileUps, "more lock has",
                                "more locks have")
                 << " threads waiting.\n";
  }
}

void write_samples(const Document& document) {
  if (document.report.diagnosis.samples.looks == 0) return;
  document.out << "\nLooked at again, " << document.sentences.progress() << ":\n\n";
  for (const ThreadProgress* const thread : document.sentences.sampled()) {
    document.out << "- " << document.sentences.progress(*thread) << ".\n";
  }
}

/// A line for each of the first ones.
void write_members(const AcrossSentences& sentences, std::span<const ThreadRef> members,
                   std::ostream& out) {
  for (const ThreadRef& member : members.first(std::min(members.size(), kShownMembers))) {
    out << "- " << sentences.member(member) << ' ' << sentences.want(member) << ".\n";
  }
}

void write_across(const Document& document) {
  if (document.across.empty()) return;
  const AcrossSentences sentences(document.reports, markdown_ink());
  for (const CrossCycle* const cycle : document.across) {
    document.out << sentences.verdict(*cycle) << ".\n\n";
    write_members(sentences, cycle->members, document.out);
    document.out << '\n';
  }
}

/// The furthest waiters of each, and how many more are on the way.
void write_chains(const Document& document) {
  const AcrossSentences sentences(document.reports, markdown_ink());
  for (const CrossRoot* const root : document.chains) {
    document.out << "\nA chain over processes: " << sentences.root(*root) << ".\n\n";
    const std::size_t waiters = root->waiters().size();
    write_members(sentences, root->waiters(), document.out);
    if (kShownMembers < waiters) {
      document.out << fmt::format("- … {} more\n", waiters - kShownMembers);
    }
  }
}

void write_cycle(const Document& document) {
  const Diagnosis& diagnosis = document.report.diagnosis;
  write_across(document);
  if (diagnosis.findings.empty() && document.across.empty()) {
    const bool asks = !document.sentences.questions().empty();
    document.out << "None: " << (asks ? "no hang was found" : "nothing was stuck")
                 << " when pstuck looked.\n";
  }
  for (std::size_t i = 0; i < diagnosis.findings.size(); ++i) {
    document.out << (i > 0 ? "\n" : "");
    if (diagnosis.findings.size() > 1) document.out << fmt::format("**Finding {}:** ", i + 1);
    document.out << (i < kFullFindings ? postmortem_cycle(document.sentences, diagnosis.findings[i])
                                       : document.sentences.verdict(diagnosis.findings[i]) + ".\n");
  }
  write_chains(document);
  write_pile_ups(document);
  write_samples(document);
}

void write_detection_delay(const Document& document) {
  const Snapshot& snapshot = document.report.snapshot;
  std::optional<std::chrono::nanoseconds> longest;
  for (const Finding& finding : document.report.diagnosis.findings) {
    if (finding.since && (!longest || *longest < *finding.since)) longest = finding.since;
  }
  if (snapshot.realtime)
    document.out << "pstuck looked at " << date_words(*snapshot.realtime) << ".\n";
  if (longest) {
    document.out << "The threads had been stuck for " << duration_words(*longest) << " or longer";
    if (snapshot.realtime) {
      document.out << ", that is since " << date_words(*snapshot.realtime - *longest)
                   << " or before";
    }
    document.out << ".\n";
  } else if (snapshot.core) {
    document.out << "A core does not tell how long its threads had waited.\n";
  } else if (!document.report.diagnosis.findings.empty()) {
    document.out << "How long the threads had waited could not be read.\n";
  }
  document.out
      << "\n- [ ] When did the first user notice, when did the first alert fire, when was "
         "pstuck run?\n"
         "- [ ] Which check would have told sooner? `pstuck --exit-code PID` returns 1 on a "
         "hang.\n";
}

void write_questions(const Document& document) {
  for (const Question& question : document.sentences.questions()) {
    document.out << "\n- [ ] " << question.what << ". Ask it: " << markdown_code(question.command)
                 << '\n';
    for (const std::string& thread : question.threads) document.out << "  - " << thread << '\n';
  }
}

void write_diagnosis_tools(const Document& document) {
  const Sentences& sentences = document.sentences;
  document.out << "pstuck " << PSTUCK_VERSION << " on " << sentences.process() << ". "
               << sentences.capture() << "\n";
  const auto& core = document.report.snapshot.core;
  if (core && core->crash) {
    const bool is_sent = core->crash->cause == CrashCause::kSent;
    document.out << (is_sent ? "Ended " : "Crashed: ") << sentences.crash(*core->crash) << ".\n";
  }
  std::vector<std::string> evidence;
  for (const Finding& finding : document.report.diagnosis.findings) {
    append_new(evidence, {sentences.evidence(finding)});
  }
  const AcrossSentences across(document.reports, markdown_ink());
  for (const CrossCycle* const cycle : document.across) {
    append_new(evidence, {across.evidence(*cycle)});
  }
  for (const CrossRoot* const chain : document.chains) {
    const std::string sentence = AcrossSentences::evidence(*chain);
    if (!sentence.empty()) append_new(evidence, {sentence});
  }
  if (!evidence.empty()) document.out << '\n';
  for (const std::string& sentence : evidence) document.out << "- " << sentence << '\n';
  const std::string others = sentences.others();
  if (!others.empty()) document.out << "\nOthers: " << others << ".\n";
  write_questions(document);
  const auto blind_spots = blind_spot_sentences(sentences);
  if (!blind_spots.empty()) document.out << "\nWhat pstuck could not see:\n\n";
  for (const std::string& sentence : blind_spots) document.out << "- " << sentence << '\n';
  document.out << "\n- [ ] Keep the full dump with this document: "
               << markdown_code("pstuck -a -o threads.txt " + sentences.labels().target()) << '\n';
}

void write_root_cause(const Document& document) {
  write_known(document.out, document.prompts.root_cause_known);
  write_prompts(document.out, document.prompts.root_cause);
}

void write_patch(const Document& document) { write_prompts(document.out, document.prompts.patch); }

void write_prevention(const Document& document) {
  write_known(document.out, document.prompts.prevention_known);
  write_prompts(document.out, document.prompts.prevention);
}

void write_tests(const Document& document) { write_prompts(document.out, document.prompts.tests); }

struct Section {
  std::string_view heading;
  void (*write)(const Document&);
};

constexpr std::array kSections{
    Section{"Trigger", write_trigger},
    Section{"Cycle", write_cycle},
    Section{"Detection delay", write_detection_delay},
    Section{"Diagnosis tools", write_diagnosis_tools},
    Section{"Root cause", write_root_cause},
    Section{"Patch", write_patch},
    Section{"Preventive measure", write_prevention},
    Section{"Tests", write_tests},
};

}  // namespace

void render_postmortem(const Reports& reports, ProcessIndex target, std::ostream& out) {
  const Report& report = reports.targets.at(target);
  Sentences sentences(report, markdown_ink());
  auto across = cycles_with(reports.across, target);
  Prompts prompts = across.empty() ? all_prompts(sentences, report.diagnosis.findings)
                                   : prompts_for_processes(sentences);
  const Document document{reports,
                          report,
                          std::move(across),
                          roots_with(reports.across, target),
                          std::move(sentences),
                          std::move(prompts),
                          out};
  out << "# Postmortem: " << document.sentences.process() << "\n\n"
      << "Facts below are what pstuck saw; every `[ ]` is a question for you.\n";
  for (const Section& section : kSections) {
    out << "\n## " << section.heading << "\n\n";
    section.write(document);
  }
}

}  // namespace pstuck
