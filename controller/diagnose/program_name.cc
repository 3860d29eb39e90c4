#include "controller/diagnose/program_name.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <vector>

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestName = 64;

// Options whose value is the next argument.
constexpr std::array<absl::string_view, 9> kJavaOptions = {
    "-cp",           "-classpath",    "--class-path", "-p",       "--module-path",
    "--add-modules", "--add-exports", "--add-opens",  "--source",
};
constexpr std::array<absl::string_view, 6> kNodeOptions = {
    "-r", "--require", "--import", "--loader", "--experimental-loader", "-C",
};

absl::string_view Basename(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

// The first argument that is neither an option nor the value of one.
template <size_t kOptions>
absl::string_view Operand(const std::vector<absl::string_view>& arguments,
                          const std::array<absl::string_view, kOptions>& with_value) {
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (!absl::StartsWith(arguments[i], "-")) return arguments[i];
    // What follows is the program, even where an option follows it.
    const bool names_program = arguments[i] == "-jar" || arguments[i] == "-m";
    if (names_program && i + 1 < arguments.size()) return arguments[i + 1];
    if (std::find(with_value.begin(), with_value.end(), arguments[i]) != with_value.end()) ++i;
  }
  return "";
}

}  // namespace

std::string ProgramName(absl::string_view comm, absl::string_view command_line) {
  const std::vector<absl::string_view> arguments =
      absl::StrSplit(command_line, ' ', absl::SkipEmpty());
  if (arguments.empty()) return std::string(comm);
  const absl::string_view runtime = Basename(arguments[0]);
  absl::string_view program;
  if (runtime == "java") {
    program = Operand(arguments, kJavaOptions);
  } else if (runtime == "node" || runtime == "nodejs") {
    program = Operand(arguments, kNodeOptions);
  } else {
    return std::string(comm);
  }
  program = Basename(program).substr(0, kLongestName);
  return program.empty() ? std::string(runtime) : absl::StrCat(runtime, " ", program);
}

}  // namespace tcpfleet::controller
