#include "controller/cli/global_options.h"

#include <filesystem>
#include <map>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;
using ::testing::HasSubstr;

const GlobalSetting* Setting(absl::string_view name) {
  for (const GlobalSetting& setting : GlobalSettings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

absl::Status Apply(absl::string_view name, const std::string& value, GlobalOptions& options) {
  const GivenSetting given = {Setting(name), value, "--" + std::string(name)};
  return ApplySettings(absl::MakeConstSpan(&given, 1), options);
}

Environment Variables(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

class ConfigFile {
 public:
  explicit ConfigFile(const std::string& content)
      : directory_(*sys::TemporaryDirectory::Create("config")) {
    std::filesystem::create_directory(directory_.path() + "/tcpfleet");
    EXPECT_THAT(sys::WriteFile(path(), content), IsOk());
  }
  const std::string& folder() const { return directory_.path(); }
  std::string path() const { return folder() + "/tcpfleet/config.yaml"; }

 private:
  sys::TemporaryDirectory directory_;
};

TEST(ApplySettings, TakesEveryKindOfValue) {
  GlobalOptions options;
  EXPECT_THAT(Apply("output", "jsonl", options), IsOk());
  EXPECT_THAT(Apply("timeout", "1.5s", options), IsOk());
  EXPECT_THAT(Apply("parallel", "7", options), IsOk());
  EXPECT_THAT(Apply("tls-ca", "/ca.pem", options), IsOk());
  EXPECT_THAT(Apply("color", "never", options), IsOk());
  EXPECT_THAT(Apply("verbose", "true", options), IsOk());
  EXPECT_EQ(options.output, OutputFormat::kJsonl);
  EXPECT_EQ(options.timeout, absl::Milliseconds(1500));
  EXPECT_EQ(options.parallel, 7);
  EXPECT_EQ(options.tls.ca, "/ca.pem");
  EXPECT_EQ(options.color, ColorMode::kNever);
  EXPECT_TRUE(options.verbose);
}

void ExpectRefused(absl::string_view name, const std::string& value, const std::string& message) {
  GlobalOptions options;
  EXPECT_THAT(Apply(name, value, options), StatusIs(absl::StatusCode::kInvalidArgument, message));
}

TEST(ApplySettings, RefusesAbsurdValues) {
  ExpectRefused("output", "jso",
                "--output: 'jso' is none of table, json, jsonl, csv, did you mean "
                "'json'?");
  ExpectRefused("timeout", "-1s",
                "--timeout: '-1s' is not a duration: write for example 500ms, 10s or 1h30m");
  ExpectRefused("timeout", "0", "--timeout: '0' is out of range: it must be 100ms to 10m");
  ExpectRefused("timeout", "99h", "--timeout: '99h' is out of range: it must be 100ms to 10m");
  ExpectRefused("parallel", "0", "--parallel: '0' is out of range: it must be 1 to 10000");
  ExpectRefused("parallel", "1e9",
                "--parallel: '1e9' is not a count: write for example 500, 100k or 2M");
  ExpectRefused("agents", " ", "--agents: the value is empty");
}

TEST(ApplySettings, RefusesTwoFleets) {
  const GivenSetting given[] = {{Setting("agents"), "a", "--agents"},
                                {Setting("local"), "true", "--local"}};
  GlobalOptions options;
  EXPECT_THAT(ApplySettings(given, options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "--agents and --local exclude each other: name the agents once"));
}

TEST(ApplySettings, LetsAStrongerFleetReplaceAWeakerOne) {
  GlobalOptions options;
  ASSERT_THAT(Apply("inventory", "fleet.yaml", options), IsOk());
  ASSERT_THAT(Apply("select", "role=web", options), IsOk());
  EXPECT_EQ(options.inventory, "fleet.yaml");
  ASSERT_THAT(Apply("agents", "a", options), IsOk());
  EXPECT_EQ(options.agents, "a");
  EXPECT_EQ(options.inventory, "");
  EXPECT_EQ(options.select, "");
}

TEST(LoadDefaults, WorksWithoutAnyConfiguration) {
  const auto options = LoadDefaults(Variables({}));
  ASSERT_THAT(options, IsOk());
  EXPECT_TRUE(options->agents.empty());
  EXPECT_EQ(options->timeout, absl::Seconds(5));
}

TEST(LoadDefaults, LetsTheEnvironmentWinOverTheFile) {
  const ConfigFile file("agents: web[01-20]\ntimeout: 2s\noutput: json\n");
  const auto options = LoadDefaults(Variables({{"XDG_CONFIG_HOME", file.folder()},
                                               {"TCPFLEET_TIMEOUT", "3s"},
                                               {"TCPFLEET_TLS_CA", "/ca.pem"}}));
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->agents, "web[01-20]");
  EXPECT_EQ(options->timeout, absl::Seconds(3));
  EXPECT_EQ(options->output, OutputFormat::kJson);
  EXPECT_EQ(options->tls.ca, "/ca.pem");
}

TEST(LoadDefaults, NamesTheVariableThatIsWrong) {
  EXPECT_THAT(LoadDefaults(Variables({{"TCPFLEET_PARALLEL", "many"}})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "TCPFLEET_PARALLEL: 'many' is not a count: write for example 500, 100k or "
                       "2M"));
}

TEST(ApplyConfigFile, NamesFileAndLineOfAMistake) {
  GlobalOptions options;
  EXPECT_THAT(ApplyConfigFile("c.yaml", "agents: a\nagnets: b\n", options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "c.yaml:2: unknown key 'agnets', did you mean 'agents'?"));
  EXPECT_THAT(ApplyConfigFile("c.yaml", "\ntimeout: soon\n", options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("c.yaml:2: timeout: 'soon' is not a duration")));
  EXPECT_THAT(ApplyConfigFile("c.yaml", "agents: [a, b]\n", options),
              StatusIs(absl::StatusCode::kInvalidArgument, "c.yaml:1: 'agents' must be one value"));
  EXPECT_THAT(
      ApplyConfigFile("c.yaml", "- agents\n", options),
      StatusIs(absl::StatusCode::kInvalidArgument, "c.yaml:1: write one 'name: value' per line"));
}

TEST(ApplyConfigFile, TakesAnEmptyFile) {
  GlobalOptions options;
  EXPECT_THAT(ApplyConfigFile("c.yaml", "# nothing yet\n", options), IsOk());
}

}  // namespace
}  // namespace tcpfleet::controller
