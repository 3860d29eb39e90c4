#include "controller/commands/command_table.h"

#include "controller/commands/agents.h"
#include "controller/commands/audit.h"
#include "controller/commands/diagnose.h"
#include "controller/commands/drift.h"
#include "controller/commands/explain.h"
#include "controller/commands/export.h"
#include "controller/commands/generate.h"
#include "controller/commands/monitor.h"
#include "controller/commands/probe.h"
#include "controller/commands/record.h"
#include "controller/commands/replay.h"
#include "controller/commands/report.h"
#include "controller/commands/rerun.h"
#include "controller/commands/snapshot.h"
#include "controller/commands/stack.h"
#include "controller/commands/stress.h"
#include "controller/commands/sysctl.h"
#include "controller/commands/watch.h"

namespace tcpfleet::controller {
namespace {

constexpr CommandEntry kCommands[] = {
    {"agents", "who is there: version, kernel, clock, what each can collect", &MakeAgentsCommand},
    {"snapshot", "TCP connections of all hosts, once, with their TCP_INFO", &MakeSnapshotCommand},
    {"watch", "follow every connection of all hosts at one console", &MakeWatchCommand},
    {"record", "write what `watch` shows to a file", &MakeRecordCommand},
    {"replay", "look at a recording again, in the same console", &MakeReplayCommand},
    {"export", "a recording as CSV or JSON lines", &MakeExportCommand},
    {"stress", "run a coordinated load test", &MakeStressCommand},
    {"rerun", "run a saved load test again", &MakeRerunCommand},
    {"report", "a saved load test as a page, or two compared", &MakeReportCommand},
    {"stack", "what the network stack of each host is doing", &MakeStackCommand},
    {"audit", "kernel parameters of all hosts against a profile", &MakeAuditCommand},
    {"drift", "kernel parameters in which hosts differ, from each other or over time",
     &MakeDriftCommand},
    {"sysctl", "kernel parameters of all hosts, those that agree folded", &MakeSysctlCommand},
    {"who-sets", "which line of which file sets a kernel parameter", &MakeWhoSetsCommand},
    {"generate", "configuration for haproxy, nginx or sysctl.d", &MakeGenerateCommand},
    {"diagnose", "what is wrong with TCP on the hosts: proof, cause and fix", &MakeDiagnoseCommand},
    {"probe", "connect to a target from every host, and why that fails or is slow",
     &MakeProbeCommand},
    {"monitor", "watch the fleet: rules, thresholds, patterns and alerts", &MakeMonitorCommand},
    {"explain", "what a rule, a sysctl, a counter or an error means", &MakeExplainCommand},
};

}  // namespace

absl::Span<const CommandEntry> Commands() { return kCommands; }

}  // namespace tcpfleet::controller
