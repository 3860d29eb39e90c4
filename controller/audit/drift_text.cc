#include "controller/audit/drift_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/time.h>

#include <algorithm>
#include <map>

#include "controller/cli/color.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

constexpr int kExamples = 3;

template <class Names>
std::string Folded(const Names& names) {
  return Printable(FoldNames(std::vector<std::string>(names.begin(), names.end())));
}

bool IsOverTime(const v1::DriftReport& report) { return !report.baseline().empty(); }

std::string ShownKey(const v1::DriftedKey& key, const v1::DriftGroup& group) {
  if (group.interfaces().empty()) return key.key();
  return absl::StrCat(
      key.key(), " on ",
      FoldNames(std::vector<std::string>(group.interfaces().begin(), group.interfaces().end())));
}

// Hosts that are in the same trouble, in the order their first one comes.
class Blocks {
 public:
  void Add(const v1::DriftReport& report, const v1::DriftedKey& key, const v1::DriftGroup& group) {
    const std::string hosts = Folded(group.agents());
    const auto [position, is_new] = positions_.try_emplace(hosts, blocks_.size());
    if (is_new) blocks_.emplace_back(hosts, std::vector<std::string>());
    blocks_[position->second].second.push_back(
        Printable(absl::StrCat(ShownKey(key, group), ": ", DescribeDrift(report, key, group))));
  }
  void Print(std::ostream& out, bool color) const {
    for (const auto& [hosts, lines] : blocks_) {
      out << Styled(Style::kBold, hosts, color) << "\n";
      for (const std::string& line : lines) out << "  " << line << "\n";
    }
  }

 private:
  std::map<std::string, size_t> positions_;
  std::vector<std::pair<std::string, std::vector<std::string>>> blocks_;
};

void PrintTie(std::ostream& out, const v1::DriftReport& report, const v1::DriftedKey& key,
              bool color) {
  out << Styled(Style::kBold, Printable(key.key()), color) << ", no value is ahead\n";
  for (const v1::DriftGroup& group : key.groups()) {
    out << "  " << Folded(group.agents());
    if (!group.interfaces().empty()) out << " on " << Folded(group.interfaces());
    out << ": " << Printable(DescribeDrift(report, key, group)) << "\n";
  }
}

void PrintExplanation(std::ostream& out, const v1::DriftExplanation& explanation) {
  out << "  " << Printable(explanation.reason());
  if (!explanation.agents().empty()) out << ", " << Folded(explanation.agents());
  const int shown = std::min(explanation.keys_size(), kExamples);
  out << ": "
      << Printable(
             absl::StrJoin(explanation.keys().begin(), explanation.keys().begin() + shown, ", "));
  if (explanation.keys_size() > shown) out << " and " << explanation.keys_size() - shown << " more";
  out << "\n";
}

std::string Since(const v1::DriftReport& report) {
  if (!report.has_baseline_time()) return report.baseline();
  return absl::StrCat(report.baseline(), " (",
                      absl::FormatTime("%Y-%m-%d %H:%M UTC",
                                       absl::FromUnixSeconds(report.baseline_time().seconds()),
                                       absl::UTCTimeZone()),
                      ")");
}

void PrintSummary(std::ostream& out, const v1::DriftReport& report) {
  out << report.keys_size() << " of " << report.compared() << " parameters of " << report.hosts()
      << (report.hosts() == 1 ? " host " : " hosts ");
  if (IsOverTime(report)) {
    out << "changed since " << Printable(Since(report)) << "\n";
  } else {
    out << "differ\n";
    if (report.hosts() == 1) out << "one host: only its interfaces could be compared\n";
  }
  const auto names = [&](absl::string_view label, const auto& list) {
    if (!list.empty()) out << label << Folded(list) << "\n";
  };
  names("booted since: ", report.booted_since());
  names("not in the file: ", report.not_in_baseline());
  names("in the file alone: ", report.not_now());
  if (report.dropped() > 0) {
    out << report.dropped() << " parameters were not compared, there are too many: name them\n";
  }
  if (report.explained() > 0) {
    out << report.explained() << " more differ and are no drift:\n";
    for (const v1::DriftExplanation& explanation : report.explanations()) {
      PrintExplanation(out, explanation);
    }
  }
}

}  // namespace

const v1::DriftGroup* ReferenceOf(const v1::DriftedKey& key) {
  const auto found = std::find_if(key.groups().begin(), key.groups().end(),
                                  [](const v1::DriftGroup& group) { return group.reference(); });
  return found == key.groups().end() ? nullptr : &*found;
}

std::string DescribeDrift(const v1::DriftReport& report, const v1::DriftedKey& key,
                          const v1::DriftGroup& group) {
  const auto value = [](bool has, const std::string& text) { return has ? text : "not there"; };
  std::string text = value(group.has_value(), group.value());
  if (IsOverTime(report)) {
    text = absl::StrCat(value(group.has_value_before(), group.value_before()), " -> ", text);
  }
  if (const v1::DriftGroup* const reference = ReferenceOf(key); reference && reference != &group) {
    absl::StrAppend(&text, ", most ", reference->value());
  }
  return absl::StrCat(text, group.set_by().empty() ? "; no file sets it"
                                                   : absl::StrCat("; set by ", group.set_by()));
}

void PrintDrift(std::ostream& out, const v1::DriftReport& report, bool color) {
  Blocks blocks;
  std::vector<const v1::DriftedKey*> ties;
  for (const v1::DriftedKey& key : report.keys()) {
    if (!IsOverTime(report) && ReferenceOf(key) == nullptr) {
      ties.push_back(&key);
      continue;
    }
    for (const v1::DriftGroup& group : key.groups()) {
      if (!group.reference()) blocks.Add(report, key, group);
    }
  }
  blocks.Print(out, color);
  for (const v1::DriftedKey* key : ties) PrintTie(out, report, *key, color);
  for (const v1::DriftedKey& key : report.keys()) {
    if (key.unknown().empty()) continue;
    out << Printable(key.key()) << ": not known of " << Folded(key.unknown()) << "\n";
  }
  if (report.keys_size() > 0) out << "\n";
  PrintSummary(out, report);
}

CsvRow DriftCsvHeader() {
  return {"key", "agent", "interfaces", "value", "reference", "value_before", "set_by"};
}

std::vector<CsvRow> DriftCsvRows(const v1::DriftReport& report) {
  std::vector<CsvRow> rows;
  for (const v1::DriftedKey& key : report.keys()) {
    const v1::DriftGroup* const reference = ReferenceOf(key);
    for (const v1::DriftGroup& group : key.groups()) {
      for (const std::string& agent : group.agents()) {
        rows.push_back({key.key(), agent, absl::StrJoin(group.interfaces(), " "), group.value(),
                        reference == nullptr ? "" : reference->value(), group.value_before(),
                        group.set_by()});
      }
    }
    for (const std::string& agent : key.unknown()) {
      rows.push_back({key.key(), agent, "", "unknown", "", "", ""});
    }
  }
  return rows;
}

}  // namespace tcpfleet::controller
