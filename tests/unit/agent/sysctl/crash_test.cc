// Whatever fails, and wherever the agent dies: after the next start the host is as it was or as it
// was meant to be, in force and in the file.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <limits>
#include <memory>
#include <random>

#include "tests/unit/agent/sysctl/host_tree.h"

namespace tcpfleet::agent {
namespace {

using Response = v1::ApplySysctlsResponse;

constexpr int kNever = std::numeric_limits<int>::max();

// What a controller sees of a host.
struct HostState {
  std::vector<std::string> values;
  std::string file;
  bool operator==(const HostState&) const = default;
};

std::vector<std::string> Keys() {
  return {"net/core/somaxconn", "net/ipv4/tcp_fin_timeout", "net/ipv4/tcp_rmem",
          "net/ipv4/ip_local_port_range", "net/ipv4/ip_local_reserved_ports"};
}

HostState StateOf(const HostTree& host) {
  HostState state{.values = {}, .file = host.Read(HostTree::kOwnFile)};
  for (const std::string& key : Keys()) state.values.push_back(host.Value(key));
  return state;
}

enum class Fault { kDeath, kOnce, kForever };

// Takes place at the n-th step, from 0.
sys::BeforeStep FaultAt(Fault fault, int at, int& steps, const absl::Status& error) {
  return [fault, at, &steps, error](absl::string_view) {
    const int step = steps++;
    if (step < at || (fault == Fault::kOnce && step > at)) return absl::OkStatus();
    if (fault == Fault::kDeath) ::raise(SIGKILL);
    return error;
  };
}

// Applies, confirms and rolls back, as far as it gets.
void Story(HostTree& host, const v1::SysctlChangeSet& set, const sys::BeforeStep& before_step) {
  const auto changer = host.NewChanger(before_step);
  changer->Recover();
  const Response applied = ApplyTo(*changer, set);
  if (applied.outcome() != Response::OUTCOME_APPLIED) return;
  if (!ConfirmTo(*changer, applied.transaction()).ok()) return;
  RollbackTo(*changer, applied.transaction()).IgnoreError();
}

void StoryInAChild(HostTree& host, const v1::SysctlChangeSet& set, int at) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int steps = 0;
    Story(host, set, FaultAt(Fault::kDeath, at, steps, absl::OkStatus()));
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
}

HostState StateWith(HostTree& host, const v1::SysctlChangeSet& set) {
  const auto changer = host.NewChanger();
  const Response applied = ApplyTo(*changer, set);
  EXPECT_EQ(applied.outcome(), Response::OUTCOME_APPLIED) << applied.ShortDebugString();
  HostState state = StateOf(host);
  changer->Stop();
  return state;
}

v1::SysctlChangeSet ThreeChanges(const HostTree& host) {
  return host.Set({{"net/ipv4/ip_local_port_range", "10240 65535"},
                   {"net/ipv4/tcp_rmem", "4096 262144 67108864"},
                   {"net/core/somaxconn", "8192"}});
}

int StepsOf(const std::function<v1::SysctlChangeSet(const HostTree&)>& make) {
  HostTree host;
  int steps = 0;
  Story(host, make(host), FaultAt(Fault::kOnce, kNever, steps, absl::OkStatus()));
  return steps;
}

void ExpectOldOrNewAfter(Fault fault, const absl::Status& error) {
  const int steps = StepsOf(&ThreeChanges);
  ASSERT_GE(steps, 50);
  HostTree other;
  const HostState wanted = StateWith(other, ThreeChanges(other));
  int kept_new = 0;
  for (int at = 0; at < steps; ++at) {
    SCOPED_TRACE(absl::StrCat("step ", at, " of ", steps));
    HostTree host;
    const v1::SysctlChangeSet set = ThreeChanges(host);
    const HostState before = StateOf(host);
    if (fault == Fault::kDeath) {
      StoryInAChild(host, set, at);
    } else {
      int step = 0;
      Story(host, set, FaultAt(fault, at, step, error));
    }
    host.NewChanger()->Recover();
    const HostState after = StateOf(host);
    if (after == before) continue;
    ++kept_new;
    EXPECT_EQ(after, wanted);
  }
  // Between a confirmation and its rollback there is something to keep.
  EXPECT_GT(kept_new, 0);
}

TEST(SysctlCrash, LeavesAHostOldOrNewWhereverTheAgentDies) {
  ExpectOldOrNewAfter(Fault::kDeath, absl::OkStatus());
}

TEST(SysctlCrash, LeavesAHostOldOrNewWhereverTheDiskFailsOnce) {
  ExpectOldOrNewAfter(Fault::kOnce, absl::UnavailableError("Input/output error"));
}

TEST(SysctlCrash, LeavesAHostOldOrNewWhereverTheDiskGetsFull) {
  ExpectOldOrNewAfter(Fault::kForever, absl::ResourceExhaustedError("No space left on device"));
}

TEST(SysctlCrash, SaysOfEveryFaultWhatBecameOfTheHost) {
  const int steps = StepsOf(&ThreeChanges);
  for (int at = 0; at < steps; ++at) {
    SCOPED_TRACE(absl::StrCat("step ", at));
    HostTree host;
    const HostState before = StateOf(host);
    int step = 0;
    const auto changer = host.NewChanger(
        FaultAt(Fault::kOnce, at, step, absl::UnavailableError("Input/output error")));
    const Response response = ApplyTo(*changer, ThreeChanges(host));
    const bool is_new = response.outcome() == Response::OUTCOME_APPLIED;
    EXPECT_NE(response.outcome(), Response::OUTCOME_DAMAGED) << response.why();
    EXPECT_EQ(StateOf(host) != before, is_new) << response.ShortDebugString();
    if (!is_new) {
      EXPECT_NE(response.why().empty(), response.refusals().empty()) << response.outcome();
    }
  }
}

// Random sets, one after the other on one host, each with a fault somewhere.
TEST(SysctlCrash, LeavesAHostOldOrNewAfterAnyRow) {
  std::mt19937 random(20'240'717);
  const auto below = [&](int most) {
    return std::uniform_int_distribution<int>(0, most - 1)(random);
  };
  auto host_tree = std::make_unique<HostTree>();
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    if (round % 10 == 0) host_tree = std::make_unique<HostTree>();
    HostTree& host = *host_tree;
    std::vector<NewValue> values = {
        {"net/core/somaxconn", absl::StrCat(1'000 + below(1'000))},
        {"net/ipv4/tcp_fin_timeout", absl::StrCat(10 + below(100))},
        {"net/ipv4/tcp_rmem",
         absl::StrCat("4096 ", 8'192 + below(9'999), " ", 99'999 + below(999))},
        {"net/ipv4/ip_local_reserved_ports", absl::StrCat(40'000 + below(9'999))}};
    std::shuffle(values.begin(), values.end(), random);
    values.resize(static_cast<size_t>(1 + below(4)));
    const v1::SysctlChangeSet set = host.Set(values, below(3) > 0);
    const HostState before = StateOf(host);
    int step = 0;
    const Fault fault = below(2) == 0 ? Fault::kOnce : Fault::kForever;
    Story(host, set, FaultAt(fault, below(90), step, absl::UnavailableError("fault")));
    host.NewChanger()->Recover();
    const HostState after = StateOf(host);
    if (after == before) continue;
    for (const auto& [key, value] : values) EXPECT_EQ(host.Value(key), value) << key;
    if (!set.persist()) {
      EXPECT_EQ(after.file, before.file);
      continue;
    }
    for (const auto& [key, value] : values) {
      EXPECT_NE(after.file.find(absl::StrCat(" = ", value, "\n")), std::string::npos) << after.file;
    }
  }
}

}  // namespace
}  // namespace tcpfleet::agent
