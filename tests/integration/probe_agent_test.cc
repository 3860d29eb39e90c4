// What an agent finds when it probes targets in other network namespaces.
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/queue.h"
#include "tests/integration/sockets_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Answers {
  v1::ProbeResolution resolution;
  std::vector<v1::ProbeTry> tries;
  std::vector<v1::ProbePathMtu> path_mtus;
  absl::Status status;
};

// A call under way.
class RunningProbe {
 public:
  RunningProbe(controller::AgentClient& client, const v1::ProbeRequest& request)
      : call_(client.Probe(
            request, absl::Minutes(2),
            [this](v1::ProbeResponse response) { events_.Push(std::move(response)); },
            [this](absl::Status status) { events_.Push(std::move(status)); })) {}

  void Cancel() { call_.reset(); }

  // Waits for the first response.
  void AwaitBegin() { Take(); }
  // Takes all that comes until the end.
  Answers AwaitEnd() {
    while (Take()) {
    }
    return answers_;
  }

 private:
  // False at the end.
  bool Take() {
    auto event = events_.PopUntil(base::MonotonicNowNs() + 2 * kPatienceNs);
    if (!event) {
      answers_.status = absl::DeadlineExceededError("the probe does not end");
      return false;
    }
    if (std::holds_alternative<absl::Status>(*event)) {
      answers_.status = std::get<absl::Status>(*std::move(event));
      return false;
    }
    auto& response = std::get<v1::ProbeResponse>(*event);
    if (response.has_resolution()) answers_.resolution = std::move(*response.mutable_resolution());
    if (response.has_try_()) answers_.tries.push_back(std::move(*response.mutable_try_()));
    if (response.has_path_mtu()) answers_.path_mtus.push_back(response.path_mtu());
    return true;
  }

  base::Queue<std::variant<v1::ProbeResponse, absl::Status>> events_{10'000};
  Answers answers_;
  std::unique_ptr<controller::StreamCall> call_;  // last: no callback after the others are gone
};

class ProbeAgentTest : public SocketsTest {
 protected:
  void SetUp() override {
    SocketsTest::SetUp();
    if (IsSkipped()) return;
    AddProber("prober");
    web_ = &AddHost("web");
  }

  // The agent that probes from now on.
  void AddProber(const std::string& name, std::vector<std::string> flags = {},
                 std::vector<std::string> started_by = {}) {
    prober_ = &AddHost(name);
    flags.insert(flags.begin(),
                 {"--listen", absl::StrCat("unix:", directory_->path(), "/", name, ".sock")});
    agents_.push_back(std::make_unique<TestAgent>(
        TestAgent{prober_, StartAgent(*prober_, std::move(flags), std::move(started_by)), ""}));
    client_ = NewClient(*agents_.back());
  }

  static v1::ProbeRequest To(const std::string& host, uint32_t port) {
    v1::ProbeRequest request;
    request.set_host(host);
    request.set_port(port);
    request.set_count(1);
    request.set_timeout_ms(10'000);
    return request;
  }
  static v1::ProbeRequest To(const base::Endpoint& target) {
    return To(target.address.ToString(), target.port);
  }
  Answers Probe(const v1::ProbeRequest& request) {
    return RunningProbe(*client_, request).AwaitEnd();
  }
  v1::ProbeTry TryOnce(const v1::ProbeRequest& request) {
    const Answers answers = Probe(request);
    EXPECT_THAT(answers.status, IsOk());
    EXPECT_THAT(answers.tries, SizeIs(1));
    return answers.tries.empty() ? v1::ProbeTry() : answers.tries[0];
  }
  std::vector<v1::ProbePathMtu> PathMtusTo(const std::vector<std::string>& addresses) {
    std::vector<std::unique_ptr<RunningProbe>> probes;
    for (const std::string& address : addresses) {
      v1::ProbeRequest request = To(address, 80);
      request.set_path_mtu(true);
      request.set_timeout_ms(100);
      probes.push_back(std::make_unique<RunningProbe>(*client_, request));
    }
    std::vector<v1::ProbePathMtu> found;
    for (const auto& probe : probes) {
      const Answers answers = probe->AwaitEnd();
      EXPECT_THAT(answers.status, IsOk());
      EXPECT_THAT(answers.path_mtus, SizeIs(1));
      found.push_back(answers.path_mtus.empty() ? v1::ProbePathMtu() : answers.path_mtus[0]);
    }
    return found;
  }

  std::unique_ptr<PlainServer> Serve(
      const Host& host, PlainServer::Behaviour behaviour = PlainServer::Behaviour::kHold) {
    return PlainServer::Create(behaviour, {host.ipv4(), 0}, &host.network()).value();
  }
  static void Shell(const Host& host, const std::string& command) {
    const CommandResult result = host.Command({"sh", "-ec", command}).value();
    ASSERT_EQ(result.exit_code, 0) << command << "\n" << result.err;
  }
  // Packets to this port of `host` that match are dropped.
  static void Drop(const Host& host, uint16_t port, const std::string& match = "") {
    Shell(host, absl::StrCat("nft 'table inet lossy { chain arriving { type filter hook input "
                             "priority 0; tcp dport ",
                             port, " ", match, " drop; }; }'"));
  }

  // 198.19.0.2 and fd00:19::2 of a host `far` behind a router whose second link takes packets of
  // up to 1,300 bytes.
  void PutRouterBefore(Host& router, Host& far) {
    ASSERT_THAT(router.SetSysctl("net.ipv4.ip_forward", "1"), IsOk());
    ASSERT_THAT(router.SetSysctl("net.ipv6.conf.all.forwarding", "1"), IsOk());
    Shell(router, absl::StrCat("ip link add side type veth peer name side netns /proc/", ::getpid(),
                               "/fd/", far.network().fd(),
                               "; ip address add 198.19.0.1/24 dev side"
                               "; ip address add fd00:19::1/64 dev side nodad"
                               "; ip link set side mtu 1300 up"));
    Shell(far,
          "ip link set eth0 down"
          "; ip address add 198.19.0.2/24 dev side"
          "; ip address add fd00:19::2/64 dev side nodad"
          "; ip link set side mtu 1300 up"
          "; ip route add default via 198.19.0.1; ip -6 route add default via fd00:19::1");
    Shell(*prober_, absl::StrCat("ip route add 198.19.0.0/24 via ", router.ipv4().ToString(),
                                 "; ip -6 route add fd00:19::/64 via ", router.ipv6().ToString()));
  }

  Host* prober_ = nullptr;
  Host* web_ = nullptr;
  std::unique_ptr<controller::AgentClient> client_;
};

TEST_F(ProbeAgentTest, ReportsEveryTryThatConnects) {
  const auto server = Serve(*web_);
  v1::ProbeRequest request = To(server->endpoint());
  request.set_count(3);
  const Answers answers = Probe(request);
  ASSERT_THAT(answers.status, IsOk());
  EXPECT_THAT(answers.resolution.addresses(), ElementsAre(web_->ipv4().ToString()));
  ASSERT_THAT(answers.tries, SizeIs(3));
  for (uint32_t i = 0; i < 3; ++i) {
    const v1::ProbeTry& result = answers.tries[i];
    EXPECT_EQ(result.number(), i + 1);
    EXPECT_EQ(result.outcome(), "connected");
    EXPECT_EQ(result.syn_retransmits(), 0u);
    EXPECT_THAT(result.local(), StartsWith(prober_->ipv4().ToString()));
    EXPECT_EQ(result.fields().at("pmtu"), 1'500u);
    EXPECT_THAT(result.options(), Contains("sack"));
  }
  EXPECT_TRUE(EventuallyTrue([&] { return server->counters().closed_by_peer == 3; }));
  EXPECT_EQ(server->counters().reset_by_peer, 0u);
  EXPECT_THAT(answers.path_mtus, IsEmpty());
}

TEST_F(ProbeAgentTest, TellsRefusalFromSilenceAndFromMissingRoutes) {
  EXPECT_EQ(TryOnce(To(web_->ipv4().ToString(), 81)).outcome(), "refused");
  Drop(*web_, 82);
  v1::ProbeRequest silent = To(web_->ipv4().ToString(), 82);
  silent.set_timeout_ms(1'500);
  const v1::ProbeTry lost = TryOnce(silent);
  EXPECT_EQ(lost.outcome(), "timeout");
  EXPECT_EQ(lost.syn_retransmits(), 1u);
  EXPECT_GE(lost.duration_us(), 1'500'000);
  EXPECT_THAT(lost.fields(), IsEmpty());
  const v1::ProbeTry unreachable = TryOnce(To("10.9.9.9", 80));
  EXPECT_EQ(unreachable.outcome(), "unreachable");
  EXPECT_EQ(unreachable.local(), "");
}

TEST_F(ProbeAgentTest, CountsTheSynThatGotLostBeforeTheConnection) {
  const auto server = Serve(*web_);
  Drop(*web_, server->endpoint().port, "tcp flags & (syn | ack) == syn numgen inc mod 1000 < 1");
  const v1::ProbeTry result = TryOnce(To(server->endpoint()));
  EXPECT_EQ(result.outcome(), "connected");
  EXPECT_EQ(result.syn_retransmits(), 1u);
  EXPECT_GE(result.duration_us(), 900'000);
}

TEST_F(ProbeAgentTest, TimesOutAtAFullAcceptQueue) {
  const auto server = Serve(*web_, PlainServer::Behaviour::kFullBacklog);
  v1::ProbeRequest request = To(server->endpoint());
  request.set_timeout_ms(300);
  EXPECT_EQ(TryOnce(request).outcome(), "timeout");
}

TEST_F(ProbeAgentTest, KnowsItselfFromAServer) {
  ASSERT_THAT(prober_->SetSysctl("net.ipv4.ip_local_port_range", "40001 40001"), IsOk());
  EXPECT_EQ(TryOnce(To("127.0.0.1", 40'001)).outcome(), "refused");
}

TEST_F(ProbeAgentTest, ConnectsOverIpv6) {
  const auto server =
      PlainServer::Create(PlainServer::Behaviour::kHold, {web_->ipv6(), 0}, &web_->network())
          .value();
  const v1::ProbeTry result = TryOnce(To(server->endpoint()));
  EXPECT_EQ(result.address(), web_->ipv6().ToString());
  EXPECT_EQ(result.outcome(), "connected");
  EXPECT_THAT(result.local(), StartsWith(absl::StrCat("[", prober_->ipv6().ToString(), "]:")));
}

TEST_F(ProbeAgentTest, TriesEveryAddressOfANameOrThoseOfOneFamily) {
  const auto server = Serve(*web_);  // on IPv4 alone
  const std::string v4 = web_->ipv4().ToString();
  const std::string v6 = web_->ipv6().ToString();
  const std::string hosts = absl::StrCat(directory_->path(), "/hosts");
  ASSERT_THAT(sys::WriteFile(hosts, absl::StrCat(v4, " both.test\n", v6, " both.test\n")), IsOk());
  AddProber("named", {},
            {"unshare", "--mount", "sh", "-ec",
             absl::StrCat("mount --bind ", hosts, " /etc/hosts; exec \"$@\""), "sh"});

  v1::ProbeRequest request = To("both.test", server->endpoint().port);
  request.set_count(2);
  const Answers both = Probe(request);
  ASSERT_THAT(both.status, IsOk());
  ASSERT_THAT(both.resolution.addresses(), testing::UnorderedElementsAre(v4, v6));
  ASSERT_THAT(both.tries, SizeIs(4));
  for (const v1::ProbeTry& result : both.tries) {
    EXPECT_EQ(result.outcome(), result.address() == v4 ? "connected" : "refused");
  }
  EXPECT_NE(both.tries[0].address(), both.tries[1].address());

  request.set_family(v1::ProbeRequest::FAMILY_IPV6);
  EXPECT_THAT(Probe(request).resolution.addresses(), ElementsAre(v6));

  const Answers nobody = Probe(To("nobody.test", 80));
  EXPECT_THAT(nobody.status, IsOk());
  EXPECT_THAT(nobody.resolution.error(), HasSubstr("'nobody.test' does not resolve"));
  EXPECT_THAT(nobody.tries, IsEmpty());
}

TEST_F(ProbeAgentTest, FindsThePathMtuThatARouterTells) {
  Host& router = AddHost("router");
  PutRouterBefore(router, *web_);
  const std::vector<v1::ProbePathMtu> found = PathMtusTo({"198.19.0.2", "fd00:19::2"});
  EXPECT_EQ(found[0].address(), "198.19.0.2");
  EXPECT_THAT(found[0].detail(), HasSubstr(router.ipv4().ToString()));
  EXPECT_EQ(found[1].address(), "fd00:19::2");
  EXPECT_THAT(found[1].detail(), HasSubstr(router.ipv6().ToString()));
  for (const v1::ProbePathMtu& one : found) {
    EXPECT_EQ(one.bytes(), 1'300u);
    EXPECT_TRUE(one.confirmed());
    EXPECT_FALSE(one.black_hole());
  }
}

TEST_F(ProbeAgentTest, NamesAPathMtuBlackHole) {
  Host& router = AddHost("router");
  PutRouterBefore(router, *web_);
  Shell(router,
        "nft 'table inet mute { chain leaving { type filter hook output priority 0; "
        "meta l4proto icmp drop; icmpv6 type packet-too-big drop; }; }'");
  for (const v1::ProbePathMtu& found : PathMtusTo({"198.19.0.2", "fd00:19::2"})) {
    EXPECT_EQ(found.bytes(), 1'300u);
    EXPECT_TRUE(found.confirmed());
    EXPECT_TRUE(found.black_hole()) << found.DebugString();
  }
}

TEST_F(ProbeAgentTest, SaysWhatTheRouteSaysWhereDatagramsGetNoAnswer) {
  Shell(*web_,
        "nft 'table inet mute { chain arriving { type filter hook input priority 0; "
        "meta l4proto udp drop; }; }'");
  Shell(*prober_, absl::StrCat("ip route add ", web_->ipv4().ToString(), " dev eth0 mtu 1400"));
  const std::vector<v1::ProbePathMtu> found = PathMtusTo({web_->ipv4().ToString(), "10.9.9.9"});
  EXPECT_EQ(found[0].bytes(), 1'400u);
  EXPECT_FALSE(found[0].confirmed());
  EXPECT_THAT(found[0].detail(), HasSubstr("answers no datagrams"));
  EXPECT_FALSE(found[1].has_bytes());
  EXPECT_THAT(found[1].detail(), HasSubstr("Network is unreachable"));
}

TEST_F(ProbeAgentTest, RefusesTargetsThatItMayNotLoad) {
  AddProber("careful", {"--allow-target", "198.18.0.0/24"});
  const auto server = Serve(*web_);
  EXPECT_EQ(TryOnce(To(server->endpoint())).outcome(), "connected");
  const Answers answers = Probe(To("127.0.0.1", server->endpoint().port));
  EXPECT_THAT(answers.status,
              StatusIs(absl::StatusCode::kPermissionDenied,
                       testing::AllOf(HasSubstr("127.0.0.1"), HasSubstr("--allow-target"))));
  EXPECT_THAT(answers.tries, IsEmpty());
}

TEST_F(ProbeAgentTest, MakesFourProbesAtATimeAndCancelledOnesMakeRoom) {
  const auto server = Serve(*web_, PlainServer::Behaviour::kFullBacklog);
  v1::ProbeRequest request = To(server->endpoint());
  request.set_timeout_ms(60'000);
  std::vector<std::unique_ptr<RunningProbe>> probes;
  for (int i = 0; i < 4; ++i) {
    probes.push_back(std::make_unique<RunningProbe>(*client_, request));
    probes.back()->AwaitBegin();
  }
  EXPECT_THAT(Probe(request).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4 probes already")));

  const auto await_sockets = [&](size_t count) {
    return EventuallyTrue(
        [&] { return SocketsWithPort(*prober_, server->endpoint().port) == count; });
  };
  EXPECT_TRUE(await_sockets(4));
  probes[1]->Cancel();
  EXPECT_THAT(probes[1]->AwaitEnd().status, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(await_sockets(3));
  EXPECT_TRUE(EventuallyTrue([&] { return Probe(To("127.0.0.1", 9)).status.ok(); }));
}

TEST_F(ProbeAgentTest, EndsProbesWhenItStops) {
  const auto server = Serve(*web_, PlainServer::Behaviour::kFullBacklog);
  v1::ProbeRequest request = To(server->endpoint());
  request.set_timeout_ms(60'000);
  RunningProbe probe(*client_, request);
  probe.AwaitBegin();
  agents_[0]->program.process.Signal(SIGTERM);
  EXPECT_THAT(probe.AwaitEnd().status,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the agent is stopping")));
  EXPECT_EQ(agents_[0]->program.process.WaitUntil(base::MonotonicNowNs() + kPatienceNs), 0);
}

TEST_F(ProbeAgentTest, RefusesWhatMakesNoSense) {
  std::vector<v1::ProbeRequest> requests(7, To("127.0.0.1", 80));
  requests[0].Clear();
  requests[1].set_port(70'000);
  requests[2].set_count(1'001);
  requests[3].set_timeout_ms(0);
  requests[4].set_interval_ms(4'000'000'000);
  requests[5].set_family(static_cast<v1::ProbeRequest::Family>(-1));
  requests[6].set_host(std::string("a\0b", 3));
  for (const v1::ProbeRequest& request : requests) {
    const Answers answers = Probe(request);
    EXPECT_THAT(answers.status, StatusIs(absl::StatusCode::kInvalidArgument))
        << request.ShortDebugString();
    EXPECT_THAT(answers.tries, IsEmpty());
  }
}

}  // namespace
}  // namespace tcpfleet::tests
