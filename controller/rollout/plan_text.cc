#include "controller/rollout/plan_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <string>

#include "common/sysctl/key.h"
#include "controller/cli/color.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

constexpr int kIdShown = 12;

std::string Names(const std::vector<std::string>& names) { return Printable(FoldNames(names)); }

// What hosts of one group have in common.
std::string Same(const v1::PlannedHost& host) {
  v1::PlannedHost same;
  *same.mutable_set()->mutable_changes() = host.set().changes();
  *same.mutable_notes() = host.notes();
  return same.SerializeAsString();
}

struct Group {
  const v1::PlannedHost* first = nullptr;
  std::vector<std::string> names;
};

std::vector<Group> GroupsOf(const v1::SysctlPlan& plan) {
  std::map<std::string, size_t> indices;
  std::vector<Group> groups;
  for (const v1::PlannedHost& host : plan.hosts()) {
    const auto [found, is_new] = indices.try_emplace(Same(host), groups.size());
    if (is_new) groups.push_back({&host, {}});
    groups[found->second].names.push_back(host.name());
  }
  return groups;
}

std::string Remarks(const v1::PlannedChange& note) {
  std::vector<std::string> remarks = {note.direction()};
  if (note.scope() != "network namespace") {
    remarks.push_back(note.scope() == "host" ? "of the whole host" : "scope unknown");
  }
  if (!note.set_by().empty()) remarks.push_back(absl::StrCat("boot: ", note.set_by()));
  return Printable(absl::StrJoin(remarks, ", "));
}

void PrintChanges(std::ostream& out, const v1::PlannedHost& host) {
  int key_width = 0;
  int value_width = 0;
  std::vector<std::string> values;
  for (const v1::SysctlChange& change : host.set().changes()) {
    values.push_back(Printable(absl::StrCat(
        change.old_value().empty() ? "(empty)" : change.old_value(), " -> ", change.new_value())));
    key_width = std::max(key_width, DisplayWidth(Printable(sysctl::DottedKey(change.key()))));
    value_width = std::max(value_width, DisplayWidth(values.back()));
  }
  for (int i = 0; i < host.set().changes_size(); ++i) {
    const v1::PlannedChange& note =
        i < host.notes_size() ? host.notes(i) : v1::PlannedChange::default_instance();
    out << absl::StrFormat("  %-*s  %-*s  %s", key_width,
                           Printable(sysctl::DottedKey(host.set().changes(i).key())), value_width,
                           values[static_cast<size_t>(i)], Remarks(note));
    if (!note.reason().empty()) out << "  # " << Printable(note.reason());
    out << "\n";
    for (const std::string& caution : note.cautions()) {
      out << absl::StrFormat("  %-*s    %s\n", key_width, "", Printable(caution));
    }
  }
}

void PrintObstacles(std::ostream& out, const v1::SysctlPlan& plan, bool color) {
  std::map<std::string, std::vector<std::string>> names;
  for (const v1::PlanObstacle& obstacle : plan.obstacles()) {
    names[absl::StrCat(obstacle.key().empty() ? "" : sysctl::DottedKey(obstacle.key()),
                       obstacle.key().empty() ? "" : ": ", obstacle.why())]
        .push_back(obstacle.name());
  }
  if (!names.empty()) out << Styled(Style::kRed, "left out:", color) << "\n";
  for (const auto& [why, hosts] : names) {
    out << "  " << Names(hosts) << ": " << Printable(why) << "\n";
  }
  if (!names.empty()) out << "\n";
}

size_t HostsWithObstacles(const v1::SysctlPlan& plan) {
  std::map<std::string, int> hosts;
  for (const v1::PlanObstacle& obstacle : plan.obstacles()) ++hosts[obstacle.name()];
  return hosts.size();
}

}  // namespace

void PrintPlan(std::ostream& out, const v1::SysctlPlan& plan, bool color) {
  for (const Group& group : GroupsOf(plan)) {
    out << Styled(Style::kBold, Names(group.names), color) << "\n";
    PrintChanges(out, *group.first);
    out << "\n";
  }
  PrintObstacles(out, plan, color);
  out << "plan " << Printable(plan.id().substr(0, kIdShown)) << ": " << plan.hosts_size()
      << " to change, " << plan.unchanged_size() << " as wanted, " << HostsWithObstacles(plan)
      << " left out" << (plan.persist() ? "" : "; until the next boot only") << "\n";
}

CsvRow PlanCsvHeader() {
  return {"agent", "key",    "old_value", "new_value", "direction",
          "scope", "set_by", "reason",    "cautions",  "obstacle"};
}

std::vector<CsvRow> PlanCsvRows(const v1::SysctlPlan& plan) {
  std::vector<CsvRow> rows;
  for (const v1::PlannedHost& host : plan.hosts()) {
    for (int i = 0; i < host.set().changes_size(); ++i) {
      const v1::SysctlChange& change = host.set().changes(i);
      const v1::PlannedChange& note =
          i < host.notes_size() ? host.notes(i) : v1::PlannedChange::default_instance();
      rows.push_back({host.name(), sysctl::DottedKey(change.key()), change.old_value(),
                      change.new_value(), note.direction(), note.scope(), note.set_by(),
                      note.reason(), absl::StrJoin(note.cautions(), "; "), ""});
    }
  }
  for (const v1::PlanObstacle& obstacle : plan.obstacles()) {
    rows.push_back({obstacle.name(),
                    obstacle.key().empty() ? "" : sysctl::DottedKey(obstacle.key()), "", "", "", "",
                    "", "", "", obstacle.why()});
  }
  return rows;
}

}  // namespace tcpfleet::controller
