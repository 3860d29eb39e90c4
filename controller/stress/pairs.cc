#include "controller/stress/pairs.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <set>
#include <utility>

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kArrow = "->";

}  // namespace

absl::StatusOr<std::vector<PairChoice>> ParsePairs(absl::string_view content,
                                                   absl::string_view file) {
  std::vector<PairChoice> pairs;
  std::set<std::pair<std::string, std::string>> seen;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    const std::string where = absl::StrCat(file, ":", ++number);
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const size_t arrow = line.find(kArrow);
    PairChoice pair;
    pair.where = where;
    if (arrow != absl::string_view::npos) {
      pair.client = std::string(absl::StripAsciiWhitespace(line.substr(0, arrow)));
      const absl::string_view server =
          absl::StripAsciiWhitespace(line.substr(arrow + kArrow.size()));
      // The last @, so that names may hold one.
      const size_t at = server.rfind('@');
      pair.server = std::string(server.substr(0, at));
      if (at != absl::string_view::npos) pair.data_address = std::string(server.substr(at + 1));
      if (at != absl::string_view::npos && pair.data_address.empty()) pair.server.clear();
    }
    if (pair.client.empty() || pair.server.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": '", line, "' is not CLIENT -> SERVER[@ADDRESS]"));
    }
    if (!seen.emplace(pair.client, pair.server).second) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": the pair '", line, "' comes twice"));
    }
    if (pairs.size() == kMostPairs) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": too many pairs, at most ", kMostPairs));
    }
    pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) return absl::InvalidArgumentError(absl::StrCat(file, ": holds no pair"));
  return pairs;
}

}  // namespace tcpfleet::controller
