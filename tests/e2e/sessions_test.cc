// Types the transcripts of sessions/ and compares what comes back.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/sys/file.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {
namespace {

std::vector<std::string> SessionNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TCPFLEET_SESSIONS)) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Indented(const std::string& text, absl::string_view prefix) {
  std::string lines;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    if (!text.empty()) absl::StrAppend(&lines, prefix, line, "\n");
  }
  return lines;
}

class Session : public ::testing::TestWithParam<std::string> {
 protected:
  // One command, typed by somebody with an empty home and no settings.
  std::string Transcript(const std::string& command) const {
    sys::ChildProcess::Options options;
    options.arguments = {"/bin/sh", "-c", command};
    const std::string programs =
        std::filesystem::path(TCPFLEET_PROGRAM).parent_path().string() + ":" +
        std::filesystem::path(TCPFLEET_AGENT_PROGRAM).parent_path().string();
    options.environment = {"HOME=" + home_->path(), "XDG_CONFIG_HOME=" + home_->path(),
                           "PATH=" + programs + ":/usr/sbin:/usr/bin:/sbin:/bin", "COLUMNS=100"};
    const absl::StatusOr<CommandResult> result = RunCommand(options, absl::Seconds(30));
    if (!result.ok()) return absl::StrCat("! ", result.status().message(), "\n");
    const std::string exit =
        result->exit_code == 0 ? "" : absl::StrCat("[exit ", result->exit_code, "]\n");
    return absl::StrReplaceAll(
        absl::StrCat(Indented(result->out, ""), Indented(result->err, "! "), exit),
        {{home_->path(), "$HOME"}});
  }

  absl::StatusOr<sys::TemporaryDirectory> home_ = sys::TemporaryDirectory::Create("tcpfleet-e2e");
};

TEST_P(Session, ReadsAsWritten) {
  const std::string path = absl::StrCat(TCPFLEET_SESSIONS, "/", GetParam(), ".txt");
  const std::string expected = sys::ReadFile(path).value();
  std::string actual;
  for (const absl::string_view line : absl::StrSplit(expected, '\n')) {
    if (absl::StartsWith(line, "# "))
      absl::StrAppend(&actual, actual.empty() ? "" : "\n", line, "\n");
    if (!absl::StartsWith(line, "$ ")) continue;
    absl::StrAppend(&actual, actual.empty() ? "" : "\n", line, "\n",
                    Transcript(std::string(line.substr(2))));
  }
  ASSERT_FALSE(actual.empty()) << path << " has no command";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    ASSERT_TRUE(sys::WriteFile(path, actual).ok());
  } else {
    EXPECT_EQ(actual, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(E2e, Session, ::testing::ValuesIn(SessionNames()), [](const auto& name) {
  return absl::StrReplaceAll(name.param, {{"-", "_"}});
});

}  // namespace
}  // namespace tcpfleet::tests
