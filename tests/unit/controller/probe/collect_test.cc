#include "controller/probe/collect.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>

#include "tests/support/eventually.h"
#include "tests/unit/controller/fleet/fakes.h"
#include "tests/unit/controller/probe/probe_samples.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::AfterTries;
using tests::ProbedHostEvidence;
using tests::Resolved;
using tests::Tried;

const ProbeTarget kTarget = {.text = "db:80", .host = "db", .port = 80};

using Parts = std::vector<v1::SnapshotKernelRequest>;

// The host's evidence, one snapshot at a time; what was asked for is kept in `parts`.
void Answer(FakeAgentClient& client, const v1::HostEvidence& evidence, Parts* parts = nullptr) {
  client.snapshot_kernel = [=, next = 0](const auto& request, const auto& on_message) mutable {
    if (parts != nullptr) parts->push_back(request);
    v1::SnapshotKernelResponse response;
    *response.mutable_snapshot() = evidence.snapshots(next++);
    on_message(std::move(response));
    return absl::OkStatus();
  };
}

void Answer(FakeAgentClient& client, const std::vector<v1::ProbeResponse>& responses,
            const absl::Status& status = absl::OkStatus()) {
  client.probe = [=](const auto&, const auto& on_message) {
    for (const v1::ProbeResponse& response : responses) on_message(response);
    return status;
  };
}

std::vector<v1::ProbeResponse> Tries(const std::string& outcome, const std::string& local,
                                     const std::string& address = "10.0.0.5") {
  return {Resolved({address}), Tried(address, 1, outcome, 200, local + ":40000"),
          Tried(address, 2, outcome, 200, local + ":40001")};
}

v1::ProbeReport ProbeTwice(FakeFleet& fake) {
  return Probe(*fake.fleet, kTarget, {.count = 2}, std::stop_token());
}

TEST(Probe, AsksForWhatIsWanted) {
  FakeFleet fake(1);
  v1::ProbeRequest asked;
  fake.clients[0]->probe = [&](const auto& request, const auto&) {
    asked = request;
    return absl::PermissionDeniedError("10.0.0.5 is not allowed");
  };
  const v1::ProbeReport report = Probe(*fake.fleet, kTarget,
                                       {.count = 7,
                                        .interval = absl::Milliseconds(50),
                                        .connect_timeout = absl::Seconds(2),
                                        .family = v1::ProbeRequest::FAMILY_IPV6,
                                        .path_mtu = false},
                                       std::stop_token());
  EXPECT_EQ(asked.host(), "db");
  EXPECT_EQ(asked.port(), 80U);
  EXPECT_EQ(asked.count(), 7U);
  EXPECT_EQ(asked.interval_ms(), 50U);
  EXPECT_EQ(asked.timeout_ms(), 2'000U);
  EXPECT_EQ(asked.family(), v1::ProbeRequest::FAMILY_IPV6);
  EXPECT_FALSE(asked.path_mtu());
  EXPECT_EQ(report.target(), "db:80");
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_EQ(report.failures(0).kind(), "refused");
  EXPECT_EQ(report.failures(0).cause(), "10.0.0.5 is not allowed");
}

TEST(Probe, LooksAtNoSocketsWhileAllIsWell) {
  FakeFleet fake(1);
  Parts parts;
  Answer(*fake.clients[0], ProbedHostEvidence("a1"), &parts);
  Answer(*fake.clients[0], Tries("connected", "10.0.0.2"));
  const v1::ProbeReport report = ProbeTwice(fake);
  ASSERT_EQ(report.paths_size(), 1);
  EXPECT_EQ(report.paths(0).connected(), 2U);
  EXPECT_THAT(report.paths(0).cause(), IsEmpty());
  EXPECT_THAT(report.paths(0).confidence(), IsEmpty());
  ASSERT_EQ(parts.size(), 1U);
  for (const int part : parts[0].parts()) {
    EXPECT_NE(part, v1::SnapshotKernelRequest::PART_SOCKETS);
  }
}

TEST(Probe, AsksTheHostThatHasTheAddress) {
  FakeFleet fake(3);
  v1::HostEvidence target = ProbedHostEvidence("a3");
  AfterTries(target).mutable_sockets()->mutable_listeners(0)->set_accept_queue(512);
  std::map<std::string, Parts> parts;
  Answer(*fake.clients[0], ProbedHostEvidence("a1"), &parts["a1"]);
  Answer(*fake.clients[1], ProbedHostEvidence("a2"), &parts["a2"]);
  Answer(*fake.clients[2], target, &parts["a3"]);
  Answer(*fake.clients[0], Tries("timeout", "10.0.0.2"));
  Answer(*fake.clients[1], Tries("connected", "10.0.0.3"));
  Answer(*fake.clients[2], Tries("timeout", "10.0.0.5"));
  const v1::ProbeReport report = ProbeTwice(fake);
  ASSERT_EQ(report.paths_size(), 3);
  EXPECT_EQ(report.paths(0).agent(), "a1");
  EXPECT_EQ(report.paths(0).target_host(), "a3");
  EXPECT_THAT(report.paths(0).cause(), HasSubstr("nginx[812] on a3 is full (512 of 512)"));
  EXPECT_EQ(report.paths(0).confidence(), "high");
  EXPECT_FALSE(report.paths(0).fixes().empty());
  EXPECT_THAT(report.paths(1).cause(), IsEmpty());
  EXPECT_THAT(report.paths(2).cause(), HasSubstr("nginx[812] on this host is full"));
  EXPECT_EQ(parts["a1"].size(), 2U);
  EXPECT_FALSE(parts["a1"].back().owners()) << "a walk over all descriptors is for the target";
  EXPECT_EQ(parts["a2"].size(), 1U) << "it has nothing to explain";
  EXPECT_TRUE(parts["a3"].back().owners());
}

// The name is the second host's own, which resolves it to loopback.
TEST(Probe, FindsTheHostThatResolvesItsOwnNameInAnotherWay) {
  FakeFleet fake(3);
  Answer(*fake.clients[0], ProbedHostEvidence("a1"));
  Answer(*fake.clients[1], ProbedHostEvidence("a2"));
  Answer(*fake.clients[0], Tries("refused", "10.0.0.2"));
  std::vector<v1::ProbeRequest> asked;
  fake.clients[1]->probe = [&](const auto& request, const auto& on_message) {
    asked.push_back(request);
    const bool is_search = request.host() == "10.0.0.5";
    const std::string address = is_search ? "10.0.0.5" : "127.0.1.1";
    on_message(Resolved({address}));
    for (uint32_t number = 1; number <= request.count(); ++number) {
      on_message(Tried(address, number, "connected", 100,
                       is_search ? "10.0.0.5:40000" : "127.0.0.1:40000"));
    }
    return absl::OkStatus();
  };
  Answer(*fake.clients[2], Tries("refused", "10.0.0.4"));
  const v1::ProbeReport report = ProbeTwice(fake);
  EXPECT_EQ(report.paths(0).target_host(), "a2");
  EXPECT_THAT(report.paths(0).cause(), HasSubstr("0.0.0.0:80 nginx[812] listens on a2"));
  EXPECT_EQ(report.paths(2).target_host(), "a2");
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[1].count(), 1U);
  EXPECT_EQ(asked[1].port(), 80U);
  EXPECT_FALSE(asked[1].path_mtu());
  EXPECT_EQ(report.paths_size(), 3) << "the search is not part of the answer";
}

TEST(Probe, KnowsThatOtherHostsGetThrough) {
  FakeFleet fake(3);
  Answer(*fake.clients[0], Tries("timeout", "10.0.0.2"));
  Answer(*fake.clients[1], Tries("connected", "10.0.0.3"));
  Answer(*fake.clients[2], Tries("connected", "10.0.0.4"));
  const v1::ProbeReport report = ProbeTwice(fake);
  EXPECT_THAT(report.paths(0).cause(), HasSubstr("other hosts connect to it"));
  EXPECT_EQ(report.paths(0).confidence(), "low");
  EXPECT_THAT(report.paths(0).target_host(), IsEmpty());
}

TEST(Probe, DoesNotAskADeadAgentTwice) {
  FakeFleet fake(2);
  fake.clients[0]->snapshot_kernel = [](const auto&, const auto&) {
    return absl::UnavailableError("Connection refused");
  };
  bool is_asked = false;
  fake.clients[0]->probe = [&](const auto&, const auto&) {
    is_asked = true;
    return absl::OkStatus();
  };
  Answer(*fake.clients[1], Tries("connected", "10.0.0.3"));
  const v1::ProbeReport report = ProbeTwice(fake);
  EXPECT_FALSE(is_asked);
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_EQ(report.failures(0).name(), "a1");
  EXPECT_EQ(report.failures(0).kind(), "unreachable");
  EXPECT_EQ(report.paths_size(), 1);
}

TEST(Probe, KeepsWhatAnAgentSaidBeforeItDied) {
  FakeFleet fake(1);
  Answer(*fake.clients[0], {Resolved({"10.0.0.5"}), Tried("10.0.0.5", 1, "connected")},
         absl::UnavailableError("Socket closed"));
  const v1::ProbeReport report = ProbeTwice(fake);
  ASSERT_EQ(report.paths_size(), 1);
  EXPECT_EQ(report.paths(0).tries(), 1U);
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_EQ(report.failures(0).kind(), "died");
}

TEST(Probe, RefusesWhatNoAgentCanHaveMeant) {
  FakeFleet fake(1);
  Answer(*fake.clients[0], {Resolved({"10.0.0.5"}), Tried("10.0.0.6", 1, "connected")});
  const v1::ProbeReport report = ProbeTwice(fake);
  EXPECT_EQ(report.paths_size(), 0);
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_THAT(report.failures(0).cause(), HasSubstr("none of the addresses that it resolved"));
}

TEST(Probe, SaysWhyItsTargetsHostWasNotLookedAt) {
  FakeFleet fake(2);
  Answer(*fake.clients[0], Tries("refused", "10.0.0.2"));
  Answer(*fake.clients[1], Tries("refused", "10.0.0.5"));
  fake.clients[1]->snapshot_kernel = [](const auto&, const auto&) {
    return absl::PermissionDeniedError("needs the observe role");
  };
  const v1::ProbeReport report = ProbeTwice(fake);
  EXPECT_THAT(report.paths(0).cause(), HasSubstr("(needs the observe role)"));
  EXPECT_THAT(report.failures(), IsEmpty());
}

TEST(Probe, KeepsAllFieldsOfTheFirstTriesOnly) {
  FakeFleet fake(1);
  std::vector<v1::ProbeResponse> responses = {Resolved({"10.0.0.5"})};
  for (uint32_t number = 1; number <= kTriesWithAllFields + 1; ++number) {
    responses.push_back(Tried("10.0.0.5", number, "connected"));
    (*responses.back().mutable_try_()->mutable_fields())["snd_cwnd"] = 10;
  }
  Answer(*fake.clients[0], responses);
  const v1::ProbeReport report =
      Probe(*fake.fleet, kTarget, {.count = kTriesWithAllFields + 1}, std::stop_token());
  ASSERT_EQ(report.paths_size(), 1);
  EXPECT_TRUE(report.paths(0).single_tries(kTriesWithAllFields - 1).fields().contains("snd_cwnd"));
  const auto& last = report.paths(0).single_tries(kTriesWithAllFields).fields();
  EXPECT_FALSE(last.contains("snd_cwnd"));
  EXPECT_TRUE(last.contains("rtt"));
}

TEST(Probe, StopsWhenItIsTold) {
  FakeFleet fake(2);
  std::stop_source stop;
  fake.clients[0]->probe = [&](const auto&, const auto& on_message) {
    on_message(Resolved({"10.0.0.5"}));
    on_message(Tried("10.0.0.5", 1, "timeout"));
    stop.request_stop();
    return absl::CancelledError("");
  };
  const v1::ProbeReport report = Probe(*fake.fleet, kTarget, {.count = 2}, stop.get_token());
  ASSERT_GE(report.paths_size(), 1);
  EXPECT_EQ(report.paths(0).tries(), 1U);
  EXPECT_EQ(report.failures(0).cause(), "interrupted before it had finished");
}

std::string AgentAndCause(const v1::ProbePath& path) {
  return path.agent() + ": " + (path.cause().empty() ? "well" : path.cause());
}

TEST(Probe, TellsAPathThatIsWellWhileOthersAreTried) {
  FakeFleet fake(2);
  std::atomic<bool> told = false;
  Answer(*fake.clients[0], Tries("connected", "10.0.0.2"));
  fake.clients[1]->probe = [&](const auto&, const auto& on_message) {
    EXPECT_TRUE(tests::EventuallyTrue([&] { return told.load(); }));
    for (const v1::ProbeResponse& response : Tries("connected", "10.0.0.3")) on_message(response);
    return absl::OkStatus();
  };
  std::vector<std::string> paths;
  Probe(*fake.fleet, kTarget, {.count = 2}, std::stop_token(), [&](const v1::ProbePath& path) {
    paths.push_back(path.agent());
    told = true;
  });
  EXPECT_THAT(paths, ElementsAre("a1", "a2"));
}

TEST(Probe, TellsEveryPathOnceAndExplainedThoseInTroubleLast) {
  FakeFleet fake(4);
  Answer(*fake.clients[0], Tries("refused", "10.0.0.2"));
  Answer(*fake.clients[1], Tries("connected", "10.0.0.3"));
  Answer(*fake.clients[2], {Resolved({"10.0.0.5"}), Tried("10.0.0.5", 1, "connected")},
         absl::UnavailableError("the agent stopped"));
  std::vector<v1::ProbeResponse> both = Tries("connected", "10.0.0.4");
  both[0] = Resolved({"10.0.0.5", "10.0.0.6"});
  for (const v1::ProbeResponse& response : Tries("timeout", "10.0.0.4", "10.0.0.6")) {
    if (response.has_try_()) both.push_back(response);
  }
  Answer(*fake.clients[3], both);
  std::vector<std::string> told;
  const v1::ProbeReport report =
      Probe(*fake.fleet, kTarget, {.count = 2}, std::stop_token(),
            [&](const v1::ProbePath& path) { told.push_back(AgentAndCause(path)); });
  std::vector<std::string> reported;
  for (const v1::ProbePath& path : report.paths()) reported.push_back(AgentAndCause(path));
  ASSERT_EQ(reported.size(), 5U);
  EXPECT_THAT(told, ElementsAre(reported[1], reported[3], reported[0], reported[2], reported[4]));
  EXPECT_THAT(told[2], HasSubstr("a1: nothing listens"));
}

}  // namespace
}  // namespace tcpfleet::controller
