#include "controller/commands/command_table.h"

#include "controller/commands/agents.h"
#include "controller/commands/snapshot.h"
#include "controller/commands/stress.h"

namespace tcpfleet::controller {
namespace {

constexpr CommandEntry kCommands[] = {
    {"agents", "who is there: version, kernel, clock, what each can collect", &MakeAgentsCommand},
    {"snapshot", "TCP connections of all hosts, once, with their TCP_INFO", &MakeSnapshotCommand},
    {"stress", "run a coordinated load test", &MakeStressCommand},
};

}  // namespace

absl::Span<const CommandEntry> Commands() { return kCommands; }

}  // namespace tcpfleet::controller
