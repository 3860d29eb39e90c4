#include "controller/diagnose/diagnosis_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "controller/cli/color.h"
#include "controller/cli/text.h"
#include "controller/diagnose/labelled_text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

constexpr int kHostsShown = 3;    // of a finding, with their numbers
constexpr int kSocketsShown = 3;  // of a finding

using Names = google::protobuf::RepeatedPtrField<std::string>;

std::string HostsText(const Names& names) {
  return FoldNames(std::vector<std::string>(names.begin(), names.end()));
}

// Whole numbers whole, others with three digits behind the point at most.
std::string NumberText(double number) {
  if (std::abs(number) < 1e15 && number == std::floor(number)) {
    return absl::StrFormat("%.0f", number);
  }
  return absl::StrFormat("%.3g", number);
}

Style StyleOf(const v1::Finding& finding) {
  return finding.severity() == "crit"   ? Style::kRed
         : finding.severity() == "warn" ? Style::kYellow
                                        : Style::kBold;
}

std::string SocketText(const v1::ConnectionRecord& connection) {
  std::string text =
      absl::StrCat(connection.state(), " ", connection.local(), " -> ", connection.peer());
  if (connection.has_pid()) {
    absl::StrAppend(&text, " ", connection.process(), "[", connection.pid(), "]");
  }
  return text;
}

void PrintEvidence(std::ostream& out, const v1::Finding& finding) {
  std::vector<std::string> hosts;
  std::map<std::string, std::vector<std::string>> by_host;
  for (const v1::FindingEvidence& evidence : finding.evidence()) {
    auto [found, is_new] = by_host.try_emplace(evidence.host());
    if (is_new) hosts.push_back(evidence.host());
    found->second.push_back(EvidenceText(evidence));
  }
  const size_t shown = std::min<size_t>(hosts.size(), kHostsShown);
  for (size_t i = 0; i < shown; ++i) {
    const std::string numbers = absl::StrJoin(by_host[hosts[i]], "; ");
    PrintLabelled(
        out, i == 0 ? "evidence" : "",
        Printable(finding.hosts_size() > 1 ? absl::StrCat(hosts[i], ": ", numbers) : numbers));
  }
  if (hosts.size() > shown) {
    PrintLabelled(out, "",
                  absl::StrCat("and ", hosts.size() - shown, " more: --output json has them"));
  }
}

void PrintFinding(std::ostream& out, const v1::Finding& finding, bool color) {
  out << Styled(StyleOf(finding), absl::StrFormat("%-4s", finding.severity()), color) << "  "
      << Printable(finding.rule()) << "  " << Printable(HostsText(finding.hosts()));
  if (!finding.subject().empty()) out << "  " << Printable(finding.subject());
  out << '\n';
  PrintLabelled(out, "what", Printable(finding.title()));
  PrintEvidence(out, finding);
  for (int i = 0; i < std::min(finding.sockets_size(), kSocketsShown); ++i) {
    PrintLabelled(out, i == 0 ? "sockets" : "",
                  Printable(SocketText(finding.sockets(i).connection())));
  }
  PrintLabelled(out, "cause", Printable(finding.cause()));
  for (int i = 0; i < finding.fixes_size(); ++i) {
    PrintLabelled(out, i == 0 ? "fix" : "", Printable(finding.fixes(i)));
  }
  if (finding.confidence() == "low") {
    PrintLabelled(out, "but",
                  Printable(finding.caveat().empty() ? "this is not certain" : finding.caveat()));
  } else if (!finding.caveat().empty()) {
    PrintLabelled(out, "but", Printable(finding.caveat()));
  }
  out << '\n';
}

// Rules of which the same is said, in the order of the first of each.
using Said = std::pair<std::string, std::vector<std::string>>;  // what, rules
std::vector<Said> ByWhatIsSaid(
    const google::protobuf::RepeatedPtrField<v1::RuleVerdict>& verdicts) {
  std::vector<Said> said;
  std::map<std::string, size_t> index;
  for (const v1::RuleVerdict& verdict : verdicts) {
    const std::string hosts = HostsText(verdict.hosts());
    const std::string what =
        verdict.why().empty() ? hosts : absl::StrCat(hosts, ": ", verdict.why());
    const auto [found, is_new] = index.try_emplace(what, said.size());
    if (is_new) said.emplace_back(what, std::vector<std::string>());
    said[found->second].second.push_back(verdict.rule());
  }
  return said;
}

void PrintVerdicts(std::ostream& out, absl::string_view title,
                   const google::protobuf::RepeatedPtrField<v1::RuleVerdict>& verdicts) {
  if (verdicts.empty()) return;
  out << title << '\n';
  for (const auto& [what, rules] : ByWhatIsSaid(verdicts)) {
    out << "  " << Printable(what) << '\n';
    PrintLabelled(out, "", Printable(absl::StrJoin(rules, ", ")));
  }
  out << '\n';
}

}  // namespace

std::string EvidenceText(const v1::FindingEvidence& evidence) {
  std::string text = evidence.name();
  if (evidence.has_before()) absl::StrAppend(&text, " ", NumberText(evidence.before()), " ->");
  if (evidence.has_after()) absl::StrAppend(&text, " ", NumberText(evidence.after()));
  if (!evidence.unit().empty()) absl::StrAppend(&text, " ", evidence.unit());
  if (evidence.has_per_second()) {
    absl::StrAppend(&text, ", ", NumberText(evidence.per_second()), " per second");
  }
  if (evidence.has_threshold()) {
    absl::StrAppend(&text, " (threshold ", NumberText(evidence.threshold()), ")");
  }
  return text;
}

void PrintDiagnosis(std::ostream& out, const v1::DiagnosisReport& report, bool color) {
  std::map<std::string, int> counts;
  for (const v1::Finding& finding : report.findings()) {
    PrintFinding(out, finding, color);
    ++counts[finding.severity()];
  }
  PrintVerdicts(out, "fine:", report.fine());
  PrintVerdicts(out, "could not be judged:", report.not_evaluated());
  out << report.hosts_size() << (report.hosts_size() == 1 ? " host: " : " hosts: ")
      << counts["crit"] << " crit, " << counts["warn"] << " warn, " << counts["info"] << " info\n";
}

CsvRow DiagnosisCsvHeader() {
  return {"severity", "rule",  "host", "subject",    "title",
          "evidence", "cause", "fix",  "confidence", "caveat"};
}

std::vector<CsvRow> DiagnosisCsvRows(const v1::DiagnosisReport& report) {
  std::vector<CsvRow> rows;
  for (const v1::Finding& finding : report.findings()) {
    for (const std::string& host : finding.hosts()) {
      std::vector<std::string> evidence;
      for (const v1::FindingEvidence& one : finding.evidence()) {
        if (one.host() == host) evidence.push_back(EvidenceText(one));
      }
      rows.push_back({finding.severity(), finding.rule(), host, finding.subject(), finding.title(),
                      absl::StrJoin(evidence, "; "), finding.cause(),
                      absl::StrJoin(finding.fixes(), "; "), finding.confidence(),
                      finding.caveat()});
    }
  }
  return rows;
}

}  // namespace tcpfleet::controller
