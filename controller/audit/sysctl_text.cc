#include "controller/audit/sysctl_text.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>

#include "controller/cli/color.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

std::string HostsOf(const v1::SysctlGroup& group) {
  return Printable(
      FoldNames(std::vector<std::string>(group.agents().begin(), group.agents().end())));
}

std::string InForce(const v1::SysctlGroup& group) {
  if (group.absent()) return "(not on this kernel)";
  if (group.has_value()) return Printable(group.value());
  return absl::StrCat("(", Printable(group.unreadable()), ")");
}

std::string Place(const v1::SysctlSetting& setting) {
  return Printable(absl::StrCat(setting.file(), ":", setting.line(),
                                setting.pattern().empty() ? "" : " as ", setting.pattern()));
}

void PrintSetting(std::ostream& out, absl::string_view label, const v1::SysctlSetting& setting) {
  out << "    " << label << Printable(setting.value()) << "  " << Place(setting) << "\n";
}

// What loses for both is said once.
void PrintLosers(std::ostream& out, const v1::SysctlGroup& group) {
  std::vector<std::string> said;
  for (const v1::PersistedSysctl* answer : {&group.at_boot(), &group.by_procps()}) {
    for (const v1::SysctlSetting& loser : answer->losers()) {
      std::string place = Place(loser);
      if (std::find(said.begin(), said.end(), place) != said.end()) continue;
      if (answer == &group.at_boot() && group.by_procps().has_winner() &&
          Place(group.by_procps().winner()) == place) {
        continue;
      }
      if (answer == &group.by_procps() && group.at_boot().has_winner() &&
          Place(group.at_boot().winner()) == place) {
        continue;
      }
      PrintSetting(out, "loses            ", loser);
      said.push_back(std::move(place));
    }
  }
}

void PrintPersisted(std::ostream& out, const v1::SysctlGroup& group, bool color) {
  const auto answer = [&](absl::string_view label, const v1::PersistedSysctl& persisted) {
    if (persisted.has_winner()) return PrintSetting(out, label, persisted.winner());
    out << "    " << label << "no file sets it\n";
  };
  answer("at boot          ", group.at_boot());
  answer("sysctl --system  ", group.by_procps());
  PrintLosers(out, group);
  if (group.ambiguous()) {
    out << "    "
        << Styled(Style::kYellow, "ambiguous: boot and `sysctl --system` do not agree", color)
        << "\n";
  }
  if (group.differs_from_files()) {
    out << "    " << Styled(Style::kYellow, "in force is another value than the files set", color)
        << "\n";
  }
}

void PrintRest(std::ostream& out, const v1::SysctlReport& report) {
  for (const std::string& pattern : report.unmatched()) {
    out << Printable(pattern) << ": no such parameter on any host that answered\n";
  }
  if (report.dropped() > 0) {
    out << report.dropped() << " parameters are not shown, there are too many: name them\n";
  }
}

}  // namespace

void PrintSysctls(std::ostream& out, const v1::SysctlReport& report, bool color) {
  for (const v1::SysctlKeyReport& key : report.keys()) {
    out << Styled(Style::kBold, Printable(key.key()), color);
    if (key.groups_size() == 1) {
      out << " = " << InForce(key.groups(0)) << "\n";
      continue;
    }
    out << "\n";
    for (const v1::SysctlGroup& group : key.groups()) {
      out << "  " << HostsOf(group) << ": " << InForce(group) << "\n";
    }
  }
  PrintRest(out, report);
}

void PrintWhoSets(std::ostream& out, const v1::SysctlReport& report, bool color) {
  for (const v1::SysctlKeyReport& key : report.keys()) {
    out << Styled(Style::kBold, Printable(key.key()), color) << "\n";
    for (const v1::SysctlGroup& group : key.groups()) {
      out << "  " << HostsOf(group) << ": " << InForce(group) << "\n";
      if (!group.absent()) PrintPersisted(out, group, color);
    }
  }
  PrintRest(out, report);
}

CsvRow SysctlCsvHeader() {
  return {"key",          "agent",     "value",          "unreadable", "at_boot",
          "at_boot_file", "by_procps", "by_procps_file", "ambiguous",  "differs_from_files"};
}

std::vector<CsvRow> SysctlCsvRows(const v1::SysctlReport& report) {
  const auto place = [](const v1::PersistedSysctl& persisted) {
    return persisted.has_winner()
               ? absl::StrCat(persisted.winner().file(), ":", persisted.winner().line())
               : "";
  };
  std::vector<CsvRow> rows;
  for (const v1::SysctlKeyReport& key : report.keys()) {
    for (const v1::SysctlGroup& group : key.groups()) {
      for (const std::string& agent : group.agents()) {
        rows.push_back(
            {key.key(), agent, group.value(), group.absent() ? "absent" : group.unreadable(),
             group.at_boot().winner().value(), place(group.at_boot()),
             group.by_procps().winner().value(), place(group.by_procps()),
             group.ambiguous() ? "true" : "false", group.differs_from_files() ? "true" : "false"});
      }
    }
  }
  return rows;
}

}  // namespace tcpfleet::controller
