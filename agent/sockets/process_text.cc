#include "agent/sockets/process_text.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <vector>

#include "agent/sockets/proc_links.h"

namespace tcpfleet::agent {

std::optional<ProcessStat> ParseProcessStat(absl::string_view text) {
  constexpr size_t kStartTicks = 22 - 3;  // field 3 is the first one behind the name
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == absl::string_view::npos || close == absl::string_view::npos || close < open ||
      close + 2 > text.size()) {
    return std::nullopt;
  }
  ProcessStat stat;
  stat.comm = Readable(text.substr(open + 1, close - open - 1));
  const std::vector<absl::string_view> fields = absl::StrSplit(text.substr(close + 2), ' ');
  if (fields.size() <= kStartTicks || !absl::SimpleAtoi(fields[kStartTicks], &stat.start_ticks)) {
    return std::nullopt;
  }
  return stat;
}

std::string JoinArguments(std::string arguments) {
  while (!arguments.empty() && arguments.back() == '\0') arguments.pop_back();
  std::replace(arguments.begin(), arguments.end(), '\0', ' ');
  return Readable(arguments);
}

}  // namespace tcpfleet::agent
