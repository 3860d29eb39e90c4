#include "agent/kernel/column_lines.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <vector>

#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

absl::Status ForEachColumnOf(absl::string_view names_line, absl::string_view values_line,
                             TakeColumn take) {
  const std::vector<absl::string_view> names = absl::StrSplit(names_line, ' ', absl::SkipEmpty());
  const std::vector<absl::string_view> values = absl::StrSplit(values_line, ' ', absl::SkipEmpty());
  if (names.empty() || values.size() != names.size() || names[0] != values[0] ||
      !absl::EndsWith(names[0], ":")) {
    return absl::DataLossError(absl::StrCat("a line of names and one of their values do not fit: '",
                                            names_line.substr(0, 40), "', '",
                                            values_line.substr(0, 40), "'"));
  }
  const absl::string_view table = names[0].substr(0, names[0].size() - 1);
  for (size_t i = 1; i < names.size(); ++i) TF_RETURN_IF_ERROR(take(table, names[i], values[i]));
  return absl::OkStatus();
}

}  // namespace

absl::Status ForEachColumn(absl::string_view text, TakeColumn take) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (lines.size() % 2 != 0) return absl::DataLossError("a line of names has no values");
  for (size_t i = 0; i < lines.size(); i += 2) {
    TF_RETURN_IF_ERROR(ForEachColumnOf(lines[i], lines[i + 1], take));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::agent
