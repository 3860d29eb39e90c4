#include "controller/audit/audit_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <functional>
#include <string>

#include "controller/audit/profile.h"
#include "controller/cli/color.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

using GroupTest = std::function<bool(const v1::AuditGroup&)>;

bool IsWrong(const v1::AuditGroup& group) { return group.state() == "wrong"; }
bool IsUnknown(const v1::AuditGroup& group) { return group.state() == "unknown"; }
bool IsWrongAfterBoot(const v1::AuditGroup& group) {
  return group.state() == "right" && group.state_after_boot() == "wrong";
}

Style StyleOf(const v1::AuditRule& rule) {
  return rule.severity() == "crit"   ? Style::kRed
         : rule.severity() == "warn" ? Style::kYellow
                                     : Style::kBold;
}

void PrintRule(std::ostream& out, const v1::AuditRule& rule, const GroupTest& test, bool color) {
  out << Styled(StyleOf(rule), absl::StrFormat("%-4s", rule.severity()), color) << "  "
      << Printable(rule.key()) << "  wanted " << Printable(rule.wanted());
  if (!rule.reason().empty()) out << "  # " << Printable(rule.reason());
  if (!rule.correction().empty()) {
    out << (rule.reason().empty() ? "  # " : "; ") << "corrected: " << Printable(rule.correction());
  }
  out << "\n";
  for (const v1::AuditGroup& group : rule.groups()) {
    if (!test(group)) continue;
    out << "      "
        << Printable(
               FoldNames(std::vector<std::string>(group.agents().begin(), group.agents().end())))
        << ": " << Printable(DescribeAudit(group)) << "\n";
  }
}

void PrintSection(std::ostream& out, absl::string_view title, const v1::AuditReport& report,
                  const GroupTest& test, bool color) {
  bool any = false;
  for (const Severity severity : {Severity::kCrit, Severity::kWarn, Severity::kInfo}) {
    for (const v1::AuditRule& rule : report.rules()) {
      if (rule.severity() != SeverityName(severity)) continue;
      if (std::none_of(rule.groups().begin(), rule.groups().end(), test)) continue;
      if (!any && !title.empty()) out << title << "\n";
      any = true;
      PrintRule(out, rule, test, color);
    }
  }
  if (any) out << "\n";
}

}  // namespace

void PrintAudit(std::ostream& out, const v1::AuditReport& report, bool color) {
  PrintSection(out, "", report, IsWrong, color);
  PrintSection(out, "right now, wrong after the next boot:", report, IsWrongAfterBoot, color);
  PrintSection(out, "could not be judged:", report, IsUnknown, color);
  out << "profile " << Printable(report.profile()) << ": " << report.wrong() << " wrong, "
      << report.right() << " right, " << report.not_applicable() << " not applicable, "
      << report.unknown() << " unknown\n";
  if (report.would_lower() > 0) {
    out << report.would_lower() << " would be lowered by a value that is recommended or wanted\n";
  }
  if (report.needs_restart() > 0) {
    out << report.needs_restart() << " need servers to listen again after the change\n";
  }
}

std::string DescribeAudit(const v1::AuditGroup& group) {
  std::vector<std::string> parts;
  if (group.has_value()) parts.push_back(group.value());
  if (group.has_value_after_boot()) {
    parts.push_back(
        absl::StrCat("boot sets ", group.value_after_boot(), " (", group.set_by(), ")"));
  }
  parts.insert(parts.end(), group.notes().begin(), group.notes().end());
  return absl::StrJoin(parts, "; ");
}

CsvRow AuditCsvHeader() {
  return {"key",   "severity",         "wanted",           "agent", "state", "value",
          "notes", "state_after_boot", "value_after_boot", "set_by"};
}

std::vector<CsvRow> AuditCsvRows(const v1::AuditReport& report) {
  std::vector<CsvRow> rows;
  for (const v1::AuditRule& rule : report.rules()) {
    for (const v1::AuditGroup& group : rule.groups()) {
      for (const std::string& agent : group.agents()) {
        rows.push_back({rule.key(), rule.severity(), rule.wanted(), agent, group.state(),
                        group.value(), absl::StrJoin(group.notes(), "; "), group.state_after_boot(),
                        group.value_after_boot(), group.set_by()});
      }
    }
  }
  return rows;
}

}  // namespace tcpfleet::controller
