#include "controller/cli/command_line.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "common/base/suggest.h"
#include "common/base/version.h"

namespace tcpfleet::controller {
namespace {

constexpr char kDescription[] = "See, load and tune TCP on every host you own, from one console.";
constexpr char kFooter[] =
    "Options stand before or after the command. Their defaults may stand in\n"
    "~/.config/tcpfleet/config.yaml (agents: web[01-20]) and in the environment "
    "(TCPFLEET_AGENTS).\n"
    "\n"
    "Exit codes: 0 fine, 1 a check failed, 2 usage, 3 some agents did not answer or finish,\n"
    "            4 refused by policy or permission, 5 aborted or rolled back.";
constexpr int kOptionColumn = 30;

// The deepest command that was given, for example `stress crr`.
const CLI::App* DeepestCommand(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

// "stress crr"; empty for the program itself.
std::string CommandPath(const CLI::App* app) {
  std::string path;
  for (; app->get_parent() != nullptr; app = app->get_parent()) {
    path = absl::StrCat(app->get_name(), path.empty() ? "" : " ", path);
  }
  return path;
}

std::vector<std::string> OptionNames(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> CommandNames(const CLI::App* app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

absl::Status Mistake(const CLI::App* command, absl::string_view what) {
  const std::string path = CommandPath(command);
  return absl::InvalidArgumentError(
      absl::StrCat(what, "\nTry 'tcpfleet ", path.empty() ? "help" : absl::StrCat(path, " --help"),
                   "' for more."));
}

// The first word that is neither an option nor a command nor an argument.
absl::Status UnknownWord(const CLI::App& root, const std::string& word) {
  const CLI::App* command = DeepestCommand(&root);
  if (word.size() > 1 && word[0] == '-') {
    const std::string name = word.substr(0, word.find('='));
    return Mistake(command, absl::StrCat("unknown option '", name, "'",
                                         base::DidYouMean(name, OptionNames(command))));
  }
  const std::vector<std::string> names = CommandNames(command);
  if (names.empty()) {
    return Mistake(command,
                   absl::StrCat("'", CommandPath(command), "' takes no argument '", word, "'"));
  }
  const std::string path = CommandPath(command);
  return Mistake(command, absl::StrCat("unknown ", path, path.empty() ? "" : " ", "command '", word,
                                       "'", base::DidYouMean(word, names)));
}

// CLI11's messages are fit to print, but for these.
std::string Reworded(const CLI::ParseError& error) {
  std::string message = error.what();
  std::replace(message.begin(), message.end(), '\n', ' ');
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string option = message.substr(0, message.find_first_of(": "));
    if (absl::StrContains(message, "missing")) return option + ": a value is missing";
    if (absl::StrContains(message, "flag override")) {  // names it without its dashes
      return absl::StrCat(option.size() == 1 ? "-" : "--", option, " takes no value");
    }
    return option + " is given more than once";
  }
  return message;
}

}  // namespace

class CommandLine::State {
 public:
  explicit State(absl::Span<const CommandEntry> entries) : root(kDescription, "tcpfleet") {
    root.fallthrough();
    root.allow_extras();  // so that a wrong word is met with a suggestion
    root.require_subcommand(0, 1);
    root.footer(kFooter);
    root.get_formatter()->column_width(kOptionColumn);
    root.get_formatter()->label("SUBCOMMAND", "COMMAND");
    root.set_help_flag("-h,--help", "print help");
    root.add_flag("--version", version, "print the version");
    AddGlobalOptions();
    for (const CommandEntry& entry : entries) {
      commands.push_back(entry.make());
      CLI::App* app = root.add_subcommand(std::string(entry.name), std::string(entry.summary));
      app->group("Commands")->footer("Global options: see 'tcpfleet help'.");
      commands.back()->AddOptions(*app);
    }
    help = root.add_subcommand("help", "explain a command")->group("Commands")->footer("");
    help->add_option("COMMAND", help_topics, "command to explain")->type_name("");
  }

  // The command that was given; null for none and for help.
  Command* Given() const {
    if (root.get_subcommands().empty()) return nullptr;
    const std::vector<std::string> names = CommandNames(&root);
    const auto found =
        std::find(names.begin(), names.end(), root.get_subcommands().front()->get_name());
    const auto index = static_cast<size_t>(found - names.begin());
    return index < commands.size() ? commands[index].get() : nullptr;
  }

  absl::StatusOr<std::string> HelpText() const {
    const CLI::App* app = &root;
    for (const std::string& topic : help_topics) {
      const std::vector<std::string> names = CommandNames(app);
      if (std::find(names.begin(), names.end(), topic) == names.end()) {
        return Mistake(
            &root, absl::StrCat("unknown command '", topic, "'", base::DidYouMean(topic, names)));
      }
      app = app->get_subcommand(topic);
    }
    return app == &root ? RootHelp() : app->help("tcpfleet");
  }

  // App::help() would explain the command that was given.
  std::string RootHelp() const {
    return root.get_formatter()->make_help(&root, "tcpfleet", CLI::AppFormatMode::Normal);
  }

  CLI::App root;
  CLI::App* help = nullptr;
  bool version = false;
  std::vector<std::string> help_topics;
  std::vector<std::unique_ptr<Command>> commands;
  std::vector<GivenSetting> settings;

 private:
  void AddGlobalOptions() {
    for (const GlobalSetting& setting : GlobalSettings()) {
      const std::string flag = absl::StrCat("--", setting.name);
      const auto take = [this, &setting, flag](const std::string& value) {
        settings.push_back({&setting, value, flag});
      };
      if (setting.value_name.empty()) {
        const std::string names = setting.name == "verbose" ? absl::StrCat("-v,", flag) : flag;
        root.add_flag_callback(
                names, [take] { take("true"); }, std::string(setting.help))
            ->disable_flag_override();
      } else {
        root.add_option_function<std::string>(flag, take, std::string(setting.help))
            ->type_name(std::string(setting.value_name));
      }
    }
  }
};

CommandLine::CommandLine(absl::Span<const CommandEntry> commands)
    : state_(std::make_unique<State>(commands)) {}
CommandLine::~CommandLine() = default;

std::string CommandLine::Help() const { return state_->RootHelp(); }

absl::StatusOr<CommandLine::Parsed> CommandLine::Parse(absl::Span<const std::string> arguments) {
  CLI::App& root = state_->root;
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  for (std::string& word : reversed) {
    // CLI11 takes a word in brackets for a list of its own; an IPv6 address looks like one.
    if (absl::StartsWith(word, "[") && absl::EndsWith(word, "]")) word.push_back(' ');
  }
  std::string mistake;
  Parsed parsed;
  try {
    root.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    parsed.text = root.help();
    return parsed;
  } catch (const CLI::ParseError& error) {
    mistake = Reworded(error);
  }
  for (const std::string& word : root.remaining(true)) {
    if (word != "--") return UnknownWord(root, word);
  }
  if (!mistake.empty()) return Mistake(DeepestCommand(&root), mistake);
  if (state_->version) {
    parsed.text = absl::StrCat("tcpfleet ", base::Version(), "\n");
  } else if (state_->help->parsed()) {
    absl::StatusOr<std::string> help = state_->HelpText();
    if (!help.ok()) return help.status();
    parsed.text = *std::move(help);
  }
  parsed.command = state_->Given();
  parsed.settings = std::move(state_->settings);
  return parsed;
}

}  // namespace tcpfleet::controller
