// Changing kernel parameters of real agents, each in a network namespace and with an /etc/sysctl.d
// of its own.
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/sysctl/parameter_tree.h"
#include "agent/sysctl/transactions.h"
#include "common/base/clock.h"
#include "common/sys/file.h"
#include "common/sys/net_namespace.h"
#include "common/sysctl/change_set.h"
#include "common/sysctl/value.h"
#include "tcpfleet/v1/host.grpc.pb.h"
#include "tcpfleet/v1/sysctl.grpc.pb.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Response = v1::ApplySysctlsResponse;
using State = v1::SysctlTransaction;
using Tree = std::map<std::string, std::string>;

constexpr char kSomaxconn[] = "net/core/somaxconn";
constexpr char kRmem[] = "net/ipv4/tcp_rmem";
constexpr char kHolder[] = "rollout-0123456789";
constexpr char kOtherHolder[] = "another-0123456789";

// One TCP connection of its own to an agent.
class Connection {
 public:
  Connection(const TestAgent& agent, const Host& from) {
    sys::UniqueFd fd = ConnectTo({agent.host->ipv4(), 7117}, &from.network()).value();
    EXPECT_EQ(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), 0);
    const auto channel = grpc::CreateInsecureChannelFromFd(agent.address, fd.Release());
    stub_ = v1::SysctlService::NewStub(channel);
    hosts_ = v1::HostService::NewStub(channel);
  }
  v1::DescribeResponse Describe() {
    grpc::ClientContext context;
    v1::DescribeResponse response;
    EXPECT_TRUE(hosts_->Describe(&context, {}, &response).ok());
    return response;
  }
  Response Apply(const v1::SysctlChangeSet& set, double within = 120,
                 const std::string& holder = kHolder) {
    grpc::ClientContext context;
    v1::ApplySysctlsRequest request;
    *request.mutable_set() = set;
    request.set_holder(holder);
    request.set_confirm_within_seconds(within);
    Response response;
    const grpc::Status status = stub_->Apply(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status Confirm(const std::string& transaction) {
    grpc::ClientContext context;
    v1::ConfirmSysctlsRequest request;
    request.set_transaction(transaction);
    request.set_holder(kHolder);
    v1::ConfirmSysctlsResponse response;
    return stub_->Confirm(&context, request, &response);
  }
  v1::RollbackSysctlsResponse Rollback(const std::string& transaction) {
    grpc::ClientContext context;
    v1::RollbackSysctlsRequest request;
    request.set_transaction(transaction);
    v1::RollbackSysctlsResponse response;
    const grpc::Status status = stub_->Rollback(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // All parts as one.
  v1::ListSysctlTransactionsResponse List() {
    grpc::ClientContext context;
    v1::ListSysctlTransactionsRequest request;
    request.set_log(true);
    const auto reader = stub_->ListTransactions(&context, request);
    v1::ListSysctlTransactionsResponse all;
    for (v1::ListSysctlTransactionsResponse part; reader->Read(&part);) all.MergeFrom(part);
    EXPECT_TRUE(reader->Finish().ok());
    return all;
  }

 private:
  std::unique_ptr<v1::SysctlService::Stub> stub_;
  std::unique_ptr<v1::HostService::Stub> hosts_;
};

class SysctlApplyTest : public FleetTest {
 protected:
  std::string FolderOf(const Host& host, const std::string& name) const {
    return absl::StrCat(directory_->path(), "/", host.name(), "/", name);
  }
  RunningProgram StartWriter(const Host& host, const std::string& allow) {
    fs::create_directories(FolderOf(host, "sysctl.d"));
    std::vector<std::string> flags = {"--state-directory", FolderOf(host, "state")};
    if (!allow.empty()) {
      flags.insert(flags.end(), {"--allow-sysctl", "default", "--allow-sysctl", allow});
    }
    return StartAgent(host, std::move(flags),
                      {"unshare", "--mount", "sh", "-c",
                       absl::StrCat("mount --bind ", FolderOf(host, "sysctl.d"),
                                    " /etc/sysctl.d && exec \"$0\" \"$@\"")});
  }
  TestAgent& AddWriter(const std::string& name, const std::string& allow = "net.ipv4.ip_forward") {
    Host& host = AddHost(name);
    agents_.push_back(std::make_unique<TestAgent>(
        TestAgent{&host, StartWriter(host, allow), absl::StrCat(host.ipv4().ToString(), ":7117")}));
    return *agents_.back();
  }
  static Tree TreeOf(const Host& host) {
    Tree tree;
    EXPECT_THAT(host.Run([&] {
      tree = agent::ReadTree("/", {}).values;
      return absl::OkStatus();
    }),
                IsOk());
    return tree;
  }
  static std::string ValueOf(const Host& host, const std::string& key) {
    return sysctl::Canonical(key, TreeOf(host)[key]);
  }
  std::string OwnFileOf(const Host& host) const {
    return sys::ReadFile(FolderOf(host, "sysctl.d/95-tcpfleet.conf")).value_or("none");
  }
  v1::SysctlChangeSet SetFor(TestAgent& agent,
                             const std::vector<std::pair<std::string, std::string>>& values) {
    const v1::DescribeResponse described = Connection(agent, *console_).Describe();
    v1::SysctlChangeSet set;
    set.set_plan_id(std::string(64, 'a'));
    Tree tree = TreeOf(*agent.host);
    for (const auto& [key, value] : values) {
      v1::SysctlChange& change = *set.add_changes();
      change.set_key(key);
      change.set_old_value(sysctl::Canonical(key, tree[key]));
      change.set_new_value(value);
    }
    set.set_persist(true);
    set.mutable_planned_at()->set_seconds(absl::ToUnixSeconds(absl::Now()));
    set.set_author("root@console");
    set.set_boot_id(described.boot_id());
    set.set_network_namespace(described.network_namespace());
    set.set_hash(sysctl::HashOf(set));
    return set;
  }
};

TEST_F(SysctlApplyTest, KeepsWhatIsConfirmedOverANewConnection) {
  TestAgent& web = AddWriter("web1");
  const Tree before = TreeOf(*web.host);
  const v1::SysctlChangeSet set =
      SetFor(web, {{kSomaxconn, "8192"}, {kRmem, "4096 262144 67108864"}});
  Connection first(web, *console_);
  const Response applied = first.Apply(set);
  ASSERT_EQ(applied.outcome(), Response::OUTCOME_APPLIED) << applied.ShortDebugString();
  EXPECT_THAT(applied.side_effects(), IsEmpty());
  EXPECT_EQ(ValueOf(*web.host, kRmem), "4096 262144 67108864");
  const grpc::Status same = first.Confirm(applied.transaction());
  EXPECT_EQ(same.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(same.error_message(), HasSubstr("another connection"));
  const grpc::Status confirmed = Connection(web, *console_).Confirm(applied.transaction());
  EXPECT_TRUE(confirmed.ok()) << confirmed.error_message();
  EXPECT_THAT(OwnFileOf(*web.host), HasSubstr("\nnet.core.somaxconn = 8192\n"));

  const auto written = fs::last_write_time(FolderOf(*web.host, "sysctl.d/95-tcpfleet.conf"));
  EXPECT_EQ(first.Apply(set).outcome(), Response::OUTCOME_UNCHANGED);
  EXPECT_EQ(fs::last_write_time(FolderOf(*web.host, "sysctl.d/95-tcpfleet.conf")), written);

  // It stays when the agent goes, and can be taken back by the next one.
  web.program.process.Signal(SIGTERM);
  web.program.process.Wait();
  EXPECT_EQ(ValueOf(*web.host, kSomaxconn), "8192");
  web.program = StartWriter(*web.host, "net.ipv4.ip_forward");
  EXPECT_THAT(Connection(web, *console_).Rollback(applied.transaction()).restored(), SizeIs(2));
  EXPECT_THAT(agent::Differences(before, TreeOf(*web.host)), IsEmpty());
  EXPECT_EQ(OwnFileOf(*web.host), "none");
}

TEST_F(SysctlApplyTest, RevertsInTimeWhenTheControllerIsCutOff) {
  TestAgent& web1 = AddWriter("web1");
  TestAgent& web2 = AddWriter("web2");
  std::vector<Tree> before;
  for (TestAgent* web : {&web1, &web2}) {
    before.push_back(TreeOf(*web->host));
    const Response applied =
        Connection(*web, *console_).Apply(SetFor(*web, {{kSomaxconn, "8192"}}), 1);
    ASSERT_EQ(applied.outcome(), Response::OUTCOME_APPLIED) << applied.ShortDebugString();
  }
  ASSERT_THAT(console_->CutLink(), IsOk());
  for (TestAgent* web : {&web1, &web2}) {
    EXPECT_TRUE(EventuallyTrue([&] { return OwnFileOf(*web->host) == "none"; }));
  }
  ASSERT_THAT(console_->RestoreLink(), IsOk());
  EXPECT_THAT(agent::Differences(before[0], TreeOf(*web1.host)), IsEmpty());
  EXPECT_THAT(agent::Differences(before[1], TreeOf(*web2.host)), IsEmpty());
  const v1::ListSysctlTransactionsResponse list = Connection(web1, *console_).List();
  EXPECT_EQ(list.transactions(0).state(), State::STATE_REVERTED);
  EXPECT_EQ(list.log_damage(), "");
  // By the agent's own clock: the time to confirm and 2 s.
  const int64_t took_ns = list.log(list.log_size() - 1).monotonic_ns() - list.log(0).monotonic_ns();
  EXPECT_LE(took_ns, 3'000'000'000);
}

TEST_F(SysctlApplyTest, RevertsAtItsNextStartWhenItWasKilled) {
  TestAgent& web = AddWriter("web1");
  const Tree before = TreeOf(*web.host);
  const Response applied =
      Connection(web, *console_)
          .Apply(SetFor(web, {{kSomaxconn, "8192"}, {kRmem, "4096 8192 9000"}}));
  ASSERT_EQ(applied.outcome(), Response::OUTCOME_APPLIED) << applied.ShortDebugString();
  web.program.process.Signal(SIGKILL);
  web.program.process.Wait();
  EXPECT_EQ(ValueOf(*web.host, kSomaxconn), "8192");
  web.program = StartWriter(*web.host, "net.ipv4.ip_forward");
  EXPECT_THAT(agent::Differences(before, TreeOf(*web.host)), IsEmpty());
  EXPECT_EQ(OwnFileOf(*web.host), "none");
  EXPECT_EQ(Connection(web, *console_).List().transactions(0).state(), State::STATE_REVERTED);
  EXPECT_THAT(web.program.err.Text(), HasSubstr("was not confirmed when the agent ended"));
}

TEST_F(SysctlApplyTest, RevertsWhenItIsStopped) {
  TestAgent& web = AddWriter("web1");
  const Tree before = TreeOf(*web.host);
  EXPECT_EQ(Connection(web, *console_).Apply(SetFor(web, {{kSomaxconn, "8192"}})).outcome(),
            Response::OUTCOME_APPLIED);
  web.program.process.Signal(SIGTERM);
  EXPECT_EQ(web.program.process.Wait(), 0);
  EXPECT_THAT(agent::Differences(before, TreeOf(*web.host)), IsEmpty());
  EXPECT_EQ(OwnFileOf(*web.host), "none");
}

TEST_F(SysctlApplyTest, RestoresWhatForwardingMoved) {
  TestAgent& web = AddWriter("web1");
  const Tree before = TreeOf(*web.host);
  const std::string other = before.at("net/ipv4/ip_forward") == "0" ? "1" : "0";
  const Response applied =
      Connection(web, *console_).Apply(SetFor(web, {{"net/ipv4/ip_forward", other}}));
  ASSERT_EQ(applied.outcome(), Response::OUTCOME_APPLIED) << applied.ShortDebugString();
  EXPECT_GT(applied.side_effects_size(), 0);
  Connection(web, *console_).Rollback(applied.transaction());
  EXPECT_THAT(agent::Differences(before, TreeOf(*web.host)), IsEmpty());
}

TEST_F(SysctlApplyTest, RefusesASecondControllerAndPlansThatDoNotFit) {
  TestAgent& web = AddWriter("web1");
  const v1::SysctlChangeSet set = SetFor(web, {{kSomaxconn, "8192"}});
  ASSERT_THAT(web.host->SetSysctl("net.core.somaxconn", "1000"), IsOk());
  Connection connection(web, *console_);
  const Response stale = connection.Apply(set);
  ASSERT_THAT(stale.refusals(), SizeIs(1)) << stale.ShortDebugString();
  EXPECT_EQ(stale.refusals(0).kind(), "stale");
  EXPECT_EQ(connection.Apply(SetFor(web, {{kSomaxconn, "8192"}})).outcome(),
            Response::OUTCOME_APPLIED);
  const Response held =
      connection.Apply(SetFor(web, {{kRmem, "4096 8192 9000"}}), 60, kOtherHolder);
  ASSERT_THAT(held.refusals(), SizeIs(1)) << held.ShortDebugString();
  EXPECT_EQ(held.refusals(0).kind(), "held");
}

TEST_F(SysctlApplyTest, RefusesHostileSetsAndWritesNothing) {
  TestAgent& web = AddWriter("web1");
  const Tree before = TreeOf(*web.host);
  Connection connection(web, *console_);
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"../../etc/passwd", "1"},
           {kSomaxconn, std::string("10\0", 3)},
           {kSomaxconn, "1000\r\n"},
           {kSomaxconn, "0200"},
           {kSomaxconn, "0x80"},
           {kSomaxconn, "18446744073709551616"},
           {kSomaxconn, "-1"},
           {kRmem, "8192 abc 1"},
           {kRmem, "8192"},
           {kRmem, "9000 100 50"},
           {"net/ipv4/ip_local_port_range", "60000 1024"},
           {"net/ipv4/tcp_fin_timeout", "0"},
           {"net/ipv4/tcp_congestion_control", "nosuch"},
           {"net/core/netdev_max_backlog", "5000"},
           {"kernel/pid_max", "1000"},
           {"net/ipv4/conf/all/rp_filter", "1"},
       }) {
    const Response response = connection.Apply(SetFor(web, {{key, value}}));
    EXPECT_EQ(response.outcome(), Response::OUTCOME_REFUSED) << key << "=" << value;
    ASSERT_THAT(response.refusals(), SizeIs(1)) << response.ShortDebugString();
    EXPECT_NE(response.refusals(0).why(), "");
  }
  EXPECT_THAT(agent::Differences(before, TreeOf(*web.host)), IsEmpty());
  EXPECT_EQ(OwnFileOf(*web.host), "none");
  EXPECT_THAT(connection.List().transactions(), IsEmpty());
}

TEST_F(SysctlApplyTest, ChangesNothingUnlessItsOwnConfigurationAllowsIt) {
  TestAgent& web = AddWriter("web1", "");
  const Response response = Connection(web, *console_).Apply(SetFor(web, {{kSomaxconn, "8192"}}));
  ASSERT_THAT(response.refusals(), SizeIs(1));
  EXPECT_EQ(response.refusals(0).kind(), "policy");
  EXPECT_FALSE(fs::exists(FolderOf(*web.host, "state")));
}

TEST_F(SysctlApplyTest, WritesEveryParameterBackAsItIs) {
  const Host& host = AddHost("web1");
  const Tree before = TreeOf(host);
  ASSERT_GT(before.size(), 300u);
  std::vector<std::string> failed;
  EXPECT_THAT(host.Run([&] {
    for (const auto& [key, value] : before) {
      const absl::Status written =
          agent::WriteParameter("/", key, sysctl::Canonical(key, value), nullptr);
      if (!written.ok()) failed.push_back(absl::StrCat(key, ": ", written.message()));
    }
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(failed, IsEmpty());
  EXPECT_THAT(agent::Differences(before, TreeOf(host)), IsEmpty());
}

// Past all checks, what the kernel itself does with half a vector.
TEST_F(SysctlApplyTest, RestoresWhatTheKernelTookOfAWriteItRefused) {
  const Host& host = AddHost("web1");
  const Tree before = TreeOf(host);
  fs::create_directories(FolderOf(host, "state"));
  Response response;
  EXPECT_THAT(host.Run([&]() -> absl::Status {
    base::SystemClock clock;
    const agent::ChangeTarget target("/", "/etc/sysctl.d/95-tcpfleet.conf", nullptr);
    const auto transactions = agent::Transactions::Open(
        {.state_directory = FolderOf(host, "state"), .boot_id = "boot", .network_namespace = 1},
        &target, &clock);
    if (!transactions.ok()) return transactions.status();
    v1::SysctlChangeSet set;
    agent::ChangePlan plan;
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {kSomaxconn, "1000"}, {kRmem, "8192 abc 1"}}) {
      v1::SysctlChange& change = *set.add_changes();
      change.set_key(key);
      change.set_new_value(value);
      plan.to_write.push_back(change);
    }
    response = (*transactions)->Apply(set, plan, {}).response;
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_EQ(response.outcome(), Response::OUTCOME_RESTORED) << response.ShortDebugString();
  EXPECT_THAT(response.why(), HasSubstr("Invalid argument"));
  EXPECT_THAT(agent::Differences(before, TreeOf(host)), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::tests
