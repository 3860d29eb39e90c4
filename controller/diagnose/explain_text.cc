#include <absl/strings/str_cat.h>

#include <string>
#include <vector>

#include "controller/cli/color.h"
#include "controller/cli/text.h"
#include "controller/diagnose/explain.h"
#include "controller/diagnose/labelled_text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

void PrintOne(std::ostream& out, absl::string_view label, const std::string& text) {
  if (!text.empty()) PrintLabelled(out, label, Printable(text));
}

void PrintAll(std::ostream& out, absl::string_view label,
              const google::protobuf::RepeatedPtrField<std::string>& texts) {
  for (const std::string& text : texts) {
    PrintLabelled(out, label, Printable(text));
    label = "";
  }
}

void PrintValues(std::ostream& out, const v1::ExplainReport& report) {
  absl::string_view label = "now";
  for (const v1::SysctlGroup& group : report.values()) {
    const std::string hosts =
        FoldNames(std::vector<std::string>(group.agents().begin(), group.agents().end()));
    const std::string value = group.absent()      ? "does not have it"
                              : group.has_value() ? group.value()
                                                  : group.unreadable();
    PrintLabelled(out, label, Printable(absl::StrCat(hosts, ": ", value)));
    label = "";
  }
}

}  // namespace

void PrintExplanation(std::ostream& out, const v1::ExplainReport& report, bool color) {
  const std::string number = report.number().empty() ? "" : absl::StrCat(report.number(), " ");
  out << Styled(Style::kBold, absl::StrCat(number, Printable(report.subject())), color) << '\n';
  PrintOne(out, "what", report.meaning());
  PrintValues(out, report);
  PrintOne(out, "symptom", report.symptom());
  PrintOne(out, "cause", report.cause());
  PrintAll(out, "fix", report.fixes());
  PrintOne(out, "but", report.false_positives());
  PrintOne(out, "kernel", report.kernel());
  PrintAll(out, "wanted", report.wanted());
  PrintAll(out, "look", report.commands());
  absl::string_view label = "numbers";
  for (const v1::ExplainedThreshold& threshold : report.thresholds()) {
    PrintLabelled(out, label,
                  absl::StrCat(threshold.name(), " = ", threshold.value(), " ", threshold.unit(),
                               ": ", threshold.reason()));
    label = "";
  }
  PrintAll(out, "rules", report.rules());
  PrintOne(out, "more", report.link());
}

}  // namespace tcpfleet::controller
