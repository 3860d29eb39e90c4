// One path to 10.0.0.5:80 and the hosts at both ends, to be judged.
#pragma once

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

#include "controller/probe/judge.h"
#include "tests/unit/controller/probe/probe_samples.h"

namespace tcpfleet::tests {

struct JudgedPath {
  explicit JudgedPath(const std::string& outcome) : path(ProbedPath(outcome)) {}

  v1::ProbePath path;
  v1::HostEvidence target = ProbedHostEvidence("web3");
  v1::HostEvidence own = ProbedHostEvidence("client");
  // Of the hosts that have the address.
  std::vector<std::string> names = {"web3"};
  bool is_target_observed = true;
  std::string unobserved;
  bool is_silent = false;
  uint32_t port = 80;
  uint32_t connect_timeout_ms = 3'000;
  size_t others_connected = 0;
  size_t siblings_connected = 0;

  controller::ProbeVerdict Judge() const {
    const controller::HostObservation at_target(target, 4'026'531'840);
    const controller::HostObservation at_own(own, 4'026'531'840);
    controller::ProbeEvidence evidence{.path = path,
                                       .port = port,
                                       .connect_timeout_ms = connect_timeout_ms,
                                       .target = {.names = names, .unobserved = unobserved}};
    evidence.target.is_silent = is_silent;
    if (names.size() == 1 && is_target_observed) evidence.target.observed = &at_target;
    evidence.target.is_own = names == std::vector<std::string>{"client"};
    evidence.own = &at_own;
    evidence.others_connected = others_connected;
    evidence.siblings_connected = siblings_connected;
    return controller::JudgePath(evidence);
  }

  void NobodyHasTheAddress() { names.clear(); }
};

inline void ExpectVerdict(const JudgedPath& judged, bool is_certain,
                          const std::vector<std::string>& causes, const std::string& fix) {
  const controller::ProbeVerdict verdict = judged.Judge();
  for (const std::string& cause : causes) EXPECT_THAT(verdict.cause, ::testing::HasSubstr(cause));
  EXPECT_EQ(verdict.is_certain, is_certain) << verdict.cause;
  EXPECT_THAT(verdict.fixes, ::testing::Contains(::testing::HasSubstr(fix))) << verdict.cause;
}

}  // namespace tcpfleet::tests
