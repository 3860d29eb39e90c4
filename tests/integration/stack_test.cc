// `tcpfleet stack` over real agents in namespaces.
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <csignal>

#include "common/base/clock.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class StackTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    AddAgent("web1");
    AddAgent("web2");
  }

  v1::StackReport Stack(std::vector<std::string> more = {}, int expected_exit_code = 0) {
    std::vector<std::string> arguments = {"--output", "json", "stack"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = Controller(std::move(arguments));
    EXPECT_EQ(result.exit_code, expected_exit_code) << result.err;
    v1::StackReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
        << result.out;
    return report;
  }
};

TEST_F(StackTest, MarksAFullAcceptQueue) {
  Host& web = *agent("web1").host;
  const auto server =
      PlainServer::Create(PlainServer::Behaviour::kFullBacklog, {web.ipv4(), 0}, &web.network());
  ASSERT_TRUE(server.ok()) << server.status();
  const uint16_t port = (*server)->endpoint().port;

  const v1::StackReport report = Stack();
  ASSERT_THAT(report.hosts(), SizeIs(2));
  EXPECT_EQ(report.hosts(0).name(), "web1");
  const v1::SocketSummary& sockets = report.hosts(0).first().namespaces(0).sockets();
  const auto full =
      std::find_if(sockets.listeners().begin(), sockets.listeners().end(),
                   [&](const v1::Listener& listener) { return listener.port() == port; });
  ASSERT_NE(full, sockets.listeners().end());
  EXPECT_EQ(full->accept_queue(), full->backlog() + 1);

  const CommandResult table = Controller({"stack"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr(absl::StrCat("full at backlog + 1 = ", full->backlog() + 1)));
  EXPECT_THAT(table.out, AllOf(HasSubstr("web1: "), HasSubstr("web2: "),
                               HasSubstr("net.core.somaxconn = "), HasSubstr("PORTS FROM")));
}

TEST_F(StackTest, ShowsWhatMovedBetweenTwoLooks) {
  const v1::StackReport report = Stack({"--for", "400ms", "--every", "200ms"});
  ASSERT_THAT(report.hosts(), SizeIs(2));
  for (const v1::StackHost& host : report.hosts()) {
    EXPECT_EQ(host.first().boot_id(), host.last().boot_id());
    EXPECT_GE(host.last().monotonic_ns() - host.first().monotonic_ns(), 300'000'000);
  }
  const CommandResult table = Controller({"stack", "--for", "200ms", "--every", "200ms"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  // The agents' own answers.
  EXPECT_THAT(table.out, AllOf(HasSubstr("PER SECOND"), HasSubstr("Tcp.OutSegs")));
}

TEST_F(StackTest, PrintsWhatHasArrivedWhenItIsInterrupted) {
  RunningProgram program = StartController({"stack", "--for", "1h", "--every", "100ms"});
  ASSERT_TRUE(EventuallyTrue([&] {
    return program.out.Text().find("PER SECOND") != std::string::npos;
  })) << program.err.Text();
  program.process.Signal(SIGINT);
  const std::optional<int> exit_code =
      program.process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000);
  EXPECT_EQ(exit_code, 5) << program.err.Text();
}

TEST_F(StackTest, ShowsTheOthersWhenAnAgentIsGone) {
  agent("web2").program.process.Signal(SIGKILL);
  agent("web2").program.process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000);
  const v1::StackReport report = Stack({}, /*expected_exit_code=*/3);
  ASSERT_THAT(report.hosts(), SizeIs(1));
  ASSERT_THAT(report.failures(), SizeIs(1));
  EXPECT_EQ(report.failures(0).name(), "web2");
}

}  // namespace
}  // namespace tcpfleet::tests
