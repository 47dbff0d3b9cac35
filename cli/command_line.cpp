#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "cli/option_values.h"

namespace pstuck {
namespace {

class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(const HelpText& text) : text_(text) {}

  std::string make_help(const CLI::App* app, std::string /*name*/,
                        CLI::AppFormatMode /*mode*/) const override {
    std::string text = fmt::format("Usage: {}\n{}", text_.usage, text_.about);
    if (!text_.commands.empty()) text += "\nCommands (pstuck COMMAND --help):\n" + text_.commands;
    for (const std::string& group : app->get_groups()) {
      if (group.empty()) continue;
      text += "\n" + group + ":\n";
      const auto options =
          app->get_options([&](const CLI::Option* option) { return option->get_group() == group; });
      for (const CLI::Option* option : options) text += line(*option);
    }
    return fmt::format("{}\n{}", text, text_.examples);
  }

 private:
  static std::string line(const CLI::Option& option) {
    constexpr std::size_t kColumn = 27;
    std::string names = option.get_snames().empty() ? "      --" : "  -";
    if (!option.get_snames().empty()) names += option.get_snames().front() + ", --";
    names += option.get_lnames().front();
    // A flag with a type has a value that may be left out: "[=WHEN]".
    if (option.get_items_expected_max() > 0) names += ' ';
    names += option.get_type_name();
    if (names.size() >= kColumn) names += "\n" + std::string(kColumn, ' ');
    std::string text = names;
    text.resize(std::max(text.size(), kColumn), ' ');
    for (const char c : option.get_description()) {
      text += c;
      if (c == '\n') text += std::string(kColumn, ' ');
    }
    return text + "\n";
  }

  HelpText text_;
};

/// How many letters must be added, left out or changed to make `b` of `a`.
std::size_t spelling_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row.back();
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongestWord = 40;
  const std::string_view see_help = "see pstuck --help";
  if (word.size() > kLongestWord || known.empty()) return std::string(see_help);
  const auto longer = std::find_if(known.begin(), known.end(), [&](const std::string& name) {
    return word.size() > 3 && name.starts_with(word);
  });
  if (longer != known.end()) return fmt::format("did you mean {}?", *longer);
  const auto nearest =
      std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
        return spelling_distance(word, a) < spelling_distance(word, b);
      });
  const bool near = spelling_distance(word, *nearest) <= 1 + word.size() / 4;
  return near ? fmt::format("did you mean {}?", *nearest) : std::string(see_help);
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

CommandLine::CommandLine(const HelpText& text) {
  app_.formatter(std::make_shared<HelpFormatter>(text));
  app_.allow_extras();  // so that an unknown option gets a message of our own
  app_.set_help_flag("-h,--help", "show this text")->group("Information");
  app_.set_version_flag("--version", "pstuck " PSTUCK_VERSION, "show the version")
      ->group("Information");
}

void CommandLine::parse(int argc, const char* const* argv) {
  for (CLI::Option* option : app_.get_options()) {
    const bool takes_one = option->get_items_expected_max() == 1;
    if (takes_one) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  const int end = end_of_options(argc, argv);
  try {
    app_.parse(end, argv);
  } catch (const CLI::CallForHelp&) {
    answer_ = app_.help();
    return;
  } catch (const CLI::CallForVersion&) {
    answer_ = "pstuck " PSTUCK_VERSION "\n";
    return;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();  // begins with the option's name and a colon
    refuse(text.substr(0, text.find(':')) + " needs a value", "see pstuck --help");
  } catch (const CLI::ParseError& error) {
    refuse(error.what(), "see pstuck --help");
  }
  for (const std::string& word : app_.remaining()) {
    if (!word.starts_with('-') || word == "-") {
      words_.push_back(word);
      continue;
    }
    const std::string name = word.substr(0, word.find('='));
    refuse(fmt::format("unknown option {}", name), suggestion(name, option_names(app_)));
  }
  const bool dashes = end < argc && std::string_view(argv[end]) == "--";
  words_.insert(words_.end(), argv + std::min(end + (dashes ? 1 : 0), argc), argv + argc);
}

/// At a "--", else behind the last word, or where another program's command line begins.
int CommandLine::end_of_options(int argc, const char* const* argv) const {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return i;
    if (!ends_at_first_word_) continue;
    if (!word.starts_with('-')) return i;
    const CLI::Option* const option = app_.get_option_no_throw(std::string(word));
    if (option != nullptr && option->get_items_expected_max() > 0) ++i;  // its value comes next
  }
  return argc;
}

}  // namespace pstuck
