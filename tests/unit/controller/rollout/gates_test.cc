#include "controller/rollout/gates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Counters = std::map<std::string, uint64_t>;

const Counters kQuiet = {{"TcpExt.ListenOverflows", 0}, {"TcpExt.ListenDrops", 0},
                         {"TcpExt.TCPTimeouts", 0},     {"Tcp.RetransSegs", 0},
                         {"TcpExt.TCPSynRetrans", 0},   {"Tcp.OutSegs", 0},
                         {"Tcp.EstabResets", 0},        {"Tcp.OutRsts", 0},
                         {"Tcp.AttemptFails", 0},       {"TcpExt.TCPAbortOnMemory", 0}};

// Three readings 10 s apart; every host sends 10,000 segments in between.
class Fleet {
 public:
  // `moves`: by how much counters grow before and after the change.
  struct Moves {
    Counters before;
    Counters after;
  };

  v1::KernelSnapshot& Add(std::vector<GateHost>& to, const std::string& name, const Moves& moves) {
    auto& readings = readings_.emplace_back();
    Counters counters = kQuiet;
    for (size_t i = 0; i < 3; ++i) {
      counters["Tcp.OutSegs"] += 10'000;
      if (i == 1) Grow(moves.before, counters);
      if (i == 2) Grow(moves.after, counters);
      v1::KernelSnapshot snapshot;
      snapshot.set_boot_id("boot");
      snapshot.set_monotonic_ns(static_cast<int64_t>(i + 1) * 10'000'000'000);
      v1::NamespaceStatistics& statistics = *snapshot.add_namespaces();
      statistics.set_network_namespace(1);
      statistics.mutable_counters()->insert(counters.begin(), counters.end());
      readings[i] = snapshot;
    }
    to.push_back({name, &readings[0], &readings[1], &readings[2]});
    return *readings[2];
  }
  KernelReading& Last() { return readings_.back()[2]; }

 private:
  static void Grow(const Counters& moves, Counters& counters) {
    for (const auto& [counter, move] : moves) counters[counter] += move;
  }
  std::deque<std::array<KernelReading, 3>> readings_;
};

const v1::GateResult& Row(const std::vector<v1::GateResult>& results, const std::string& name) {
  for (const v1::GateResult& result : results) {
    if (result.name() == name) return result;
  }
  ADD_FAILURE() << "no gate " << name;
  return v1::GateResult::default_instance();
}

TEST(JudgeGates, QuietHostsPass) {
  Fleet fleet;
  std::vector<GateHost> changed;
  std::vector<GateHost> others;
  fleet.Add(changed, "a", {});
  fleet.Add(others, "b", {});
  const auto results = JudgeGates(changed, others);
  EXPECT_EQ(results.size(), 9u);
  for (const v1::GateResult& result : results) {
    EXPECT_EQ(result.state(), "passed") << result.DebugString();
  }
}

TEST(JudgeGates, EveryCounterFailsItsOwnGate) {
  const struct {
    const char* counter;
    const char* gate;
  } kCases[] = {{"TcpExt.ListenOverflows", "TcpExt.ListenOverflows"},
                {"TcpExt.ListenDrops", "TcpExt.ListenDrops beyond overflows"},
                {"TcpExt.TCPTimeouts", "TcpExt.TCPTimeouts"},
                {"Tcp.RetransSegs", "retransmitted share"},
                {"Tcp.EstabResets", "Tcp.EstabResets"},
                {"Tcp.OutRsts", "Tcp.OutRsts"},
                {"Tcp.AttemptFails", "Tcp.AttemptFails"},
                {"TcpExt.TCPAbortOnMemory", "TcpExt.TCPAbortOnMemory"}};
  for (const auto& [counter, gate] : kCases) {
    Fleet fleet;
    std::vector<GateHost> changed;
    fleet.Add(changed, "a", {{}, {{counter, 500}}});
    for (const v1::GateResult& result : JudgeGates(changed, {})) {
      EXPECT_EQ(result.state(), result.name() == gate ? "failed" : "passed")
          << result.DebugString();
    }
  }
}

TEST(JudgeGates, WhatHappensEverywhereExcusesTheChange) {
  Fleet fleet;
  std::vector<GateHost> changed;
  std::vector<GateHost> others;
  fleet.Add(changed, "a", {{}, {{"Tcp.OutRsts", 1000}}});
  fleet.Add(others, "b", {{}, {{"Tcp.OutRsts", 980}}});
  const v1::GateResult row = Row(JudgeGates(changed, others), "Tcp.OutRsts");
  EXPECT_EQ(row.state(), "passed");
  EXPECT_DOUBLE_EQ(row.changed_after(), 100);
  EXPECT_DOUBLE_EQ(row.others_after(), 98);
}

TEST(JudgeGates, OneNoisyHostElsewhereExcusesNothing) {
  Fleet fleet;
  std::vector<GateHost> changed;
  std::vector<GateHost> others;
  fleet.Add(changed, "a", {{}, {{"Tcp.OutRsts", 1000}}});
  for (const char* name : {"b", "c", "d"}) fleet.Add(others, name, {});
  fleet.Add(others, "noisy", {{}, {{"Tcp.OutRsts", 1'000'000}}});
  EXPECT_EQ(Row(JudgeGates(changed, others), "Tcp.OutRsts").state(), "failed");
}

TEST(JudgeGates, OthersGettingBetterAccusesNobody) {
  Fleet fleet;
  std::vector<GateHost> changed;
  std::vector<GateHost> others;
  fleet.Add(changed, "a", {{{"Tcp.OutRsts", 1000}}, {{"Tcp.OutRsts", 1000}}});
  fleet.Add(others, "b", {{{"Tcp.OutRsts", 1000}}, {}});
  EXPECT_EQ(Row(JudgeGates(changed, others), "Tcp.OutRsts").state(), "passed");
}

TEST(JudgeGates, OneBadHostIsNotLostAmongMany) {
  Fleet fleet;
  std::vector<GateHost> changed;
  for (int i = 0; i < 100; ++i) fleet.Add(changed, "a" + std::to_string(i), {});
  fleet.Add(changed, "bad", {{}, {{"TcpExt.ListenOverflows", 50}}});
  const v1::GateResult row = Row(JudgeGates(changed, {}), "TcpExt.ListenOverflows");
  EXPECT_EQ(row.state(), "failed");
  EXPECT_THAT(row.why(), AllOf(HasSubstr("bad"), HasSubstr("5")));
}

TEST(JudgeGates, WhatWasSoBeforeIsNoFailure) {
  Fleet fleet;
  std::vector<GateHost> changed;
  fleet.Add(changed, "a", {{{"TcpExt.TCPTimeouts", 300}}, {{"TcpExt.TCPTimeouts", 400}}});
  EXPECT_EQ(Row(JudgeGates(changed, {}), "TcpExt.TCPTimeouts").state(), "passed");
}

TEST(JudgeGates, SynRetransmitsAndOverflowsAreCountedOnce) {
  Fleet fleet;
  std::vector<GateHost> changed;
  fleet.Add(changed, "a", {{}, {{"Tcp.RetransSegs", 900}, {"TcpExt.TCPSynRetrans", 900}}});
  EXPECT_EQ(Row(JudgeGates(changed, {}), "retransmitted share").state(), "passed");
  std::vector<GateHost> overflowing;
  fleet.Add(overflowing, "b", {{}, {{"TcpExt.ListenDrops", 900}, {"TcpExt.ListenOverflows", 900}}});
  EXPECT_EQ(Row(JudgeGates(overflowing, {}), "TcpExt.ListenDrops beyond overflows").state(),
            "passed");
}

TEST(JudgeGates, WhatCannotBeJudgedIsSaidToBeSo) {
  Fleet fleet;
  std::vector<GateHost> changed;
  fleet.Add(changed, "missing", {}).mutable_namespaces(0)->mutable_counters()->erase("Tcp.OutRsts");
  fleet.Add(changed, "reset", {{{"Tcp.OutRsts", 5}}, {}});
  (*fleet.Last()->mutable_namespaces(0)->mutable_counters())["Tcp.OutRsts"] = 1;
  fleet.Add(changed, "rebooted", {}).set_boot_id("another");
  fleet.Add(changed, "moved", {}).mutable_namespaces(0)->set_network_namespace(2);
  fleet.Add(changed, "frozen", {}).set_monotonic_ns(0);
  fleet.Add(changed, "good", {});
  const v1::GateResult row = Row(JudgeGates(changed, {}), "Tcp.OutRsts");
  EXPECT_EQ(row.state(), "not-judged");
  EXPECT_THAT(row.why(),
              AllOf(HasSubstr("missing: does not count Tcp.OutRsts"),
                    HasSubstr("reset: Tcp.OutRsts was reset"), HasSubstr("rebooted: was restarted"),
                    HasSubstr("moved: its agent is in another"), HasSubstr("frozen: no time")));
}

TEST(JudgeGates, FailureOfOneIsNotHiddenByAnotherThatCannotBeJudged) {
  Fleet fleet;
  std::vector<GateHost> changed;
  fleet.Add(changed, "bad", {{}, {{"Tcp.OutRsts", 5000}}});
  fleet.Add(changed, "rebooted", {}).set_boot_id("another");
  EXPECT_EQ(Row(JudgeGates(changed, {}), "Tcp.OutRsts").state(), "failed");
}

TEST(JudgeGates, SharesNeedTraffic) {
  Fleet fleet;
  std::vector<GateHost> changed;
  v1::KernelSnapshot& last = fleet.Add(changed, "idle", {});
  (*last.mutable_namespaces(0)->mutable_counters())["Tcp.OutSegs"] = 20'010;
  (*last.mutable_namespaces(0)->mutable_counters())["Tcp.RetransSegs"] = 9;
  const v1::GateResult row = Row(JudgeGates(changed, {}), "retransmitted share");
  EXPECT_EQ(row.state(), "not-judged");
  EXPECT_THAT(row.why(), HasSubstr("too little traffic: 10 of 1000"));
}

TEST(JudgeGates, HostThatDoesNotAnswerFails) {
  Fleet fleet;
  std::vector<GateHost> changed;
  fleet.Add(changed, "a", {});
  fleet.Add(changed, "gone", {});
  fleet.Last() = absl::UnavailableError("connection refused");
  const auto results = JudgeGates(changed, {});
  EXPECT_EQ(results[0].name(), "answers");
  EXPECT_EQ(results[0].state(), "failed");
  EXPECT_THAT(results[0].why(), HasSubstr("gone: no answer: connection refused"));
}

TEST(JudgeGates, AgentWithoutCountersAnswersButIsNotJudged) {
  Fleet fleet;
  std::vector<GateHost> changed;
  fleet.Add(changed, "old", {});
  fleet.Last() = absl::UnimplementedError("no such call");
  const auto results = JudgeGates(changed, {});
  EXPECT_EQ(results[0].state(), "passed");
  for (size_t i = 1; i < results.size(); ++i) EXPECT_EQ(results[i].state(), "not-judged");
}

}  // namespace
}  // namespace tcpfleet::controller
