#include "tests/e2e/transcript.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/sys/file.h"

namespace tcpfleet::tests {
namespace {

std::string Indented(const std::string& text, absl::string_view prefix) {
  std::string lines;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    if (!text.empty()) absl::StrAppend(&lines, prefix, line, "\n");
  }
  return lines;
}

}  // namespace

std::vector<std::string> SessionNames(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Shown(const absl::StatusOr<CommandResult>& result, const std::string& home) {
  if (!result.ok()) return absl::StrCat("! ", result.status().message(), "\n");
  const std::string exit =
      result->exit_code == 0 ? "" : absl::StrCat("[exit ", result->exit_code, "]\n");
  return absl::StrReplaceAll(
      absl::StrCat(Indented(result->out, ""), Indented(result->err, "! "), exit),
      {{home, "$HOME"}});
}

void ExpectSession(const std::string& path,
                   const std::function<std::string(const std::string& command)>& type) {
  const std::string expected = sys::ReadFile(path).value();
  std::string actual;
  for (const absl::string_view line : absl::StrSplit(expected, '\n')) {
    if (absl::StartsWith(line, "# ")) {
      absl::StrAppend(&actual, actual.empty() ? "" : "\n", line, "\n");
    }
    if (!absl::StartsWith(line, "$ ")) continue;
    absl::StrAppend(&actual, actual.empty() ? "" : "\n", line, "\n",
                    type(std::string(line.substr(2))));
  }
  ASSERT_FALSE(actual.empty()) << path << " has no command";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    ASSERT_TRUE(sys::WriteFile(path, actual).ok());
  } else {
    EXPECT_EQ(actual, expected);
  }
}

}  // namespace tcpfleet::tests
