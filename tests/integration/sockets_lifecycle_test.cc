// Connections, processes and namespaces that come, change and go while they are watched.
#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "common/base/status_macros.h"
#include "common/sockets/state_names.h"
#include "common/sys/errno_name.h"
#include "common/sys/mount_table.h"
#include "common/sys/tcp_socket.h"
#include "tests/integration/sockets_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using sockets::ConnectionSample;
using sockets::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kRounds = 10;
constexpr int kShortLived = 40;
constexpr int kProcesses = 100;

class SocketsLifecycleTest : public SocketsTest {
 protected:
  void SetUp() override {
    SocketsTest::SetUp();
    if (IsSkipped()) return;
    web_ = &AddWatchedAgent("web1");
    client_ = NewClient(*web_);
  }

  std::unique_ptr<PlainServer> Server(PlainServer::Behaviour behaviour) {
    return PlainServer::Create(behaviour, {web_->host->ipv4(), 0}, &web_->host->network()).value();
  }
  sys::UniqueFd Connect(const base::Endpoint& to) {
    return ConnectTo(to, &web_->host->network()).value();
  }
  // From a port of the caller's choice; closing it resets the connection, which frees the port.
  absl::StatusOr<sys::UniqueFd> ConnectFrom(const base::Endpoint& from, const base::Endpoint& to) {
    sys::UniqueFd fd;
    const auto connect = [&]() -> absl::Status {
      fd.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      TF_RETURN_IF_ERROR(sys::SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1));
      TF_RETURN_IF_ERROR(sys::SetLingerReset(fd.get()));
      const sys::SocketAddress local = sys::ToSocketAddress(from);
      if (::bind(fd.get(), local.get(), local.length) != 0) return sys::ErrnoStatus("bind");
      const int error = sys::Connect(fd.get(), sys::ToSocketAddress(to));
      return error == 0 ? absl::OkStatus() : sys::ErrnoStatus(error, "connect");
    };
    TF_RETURN_IF_ERROR(web_->host->Run(connect));
    return fd;
  }
  v1::WatchRequest WatchPort(uint16_t port) { return FastWatch(absl::StrCat("dport = :", port)); }

  TestAgent* web_ = nullptr;
  std::unique_ptr<controller::AgentClient> client_;
};

bool HasEnded(const WatchReader& reader, uint64_t cookie) {
  return std::any_of(reader.closed().begin(), reader.closed().end(),
                     [&](const sockets::ClosedConnection& closed) {
                       return closed.last.identity.cookie == cookie &&
                              closed.reason != v1::ConnectionClose::REASON_REPLACED;
                     });
}

TEST_F(SocketsLifecycleTest, TellsTwoConnectionsOfOneFourTupleApart) {
  const auto server = Server(PlainServer::Behaviour::kHold);
  WatchReader reader(*client_, WatchPort(server->endpoint().port));
  sys::UniqueFd fd = Connect(server->endpoint());
  const base::Endpoint local = sys::LocalEndpoint(fd.get()).value();
  ASSERT_THAT(sys::SetLingerReset(fd.get()), IsOk());
  const uint64_t first = sys::SocketCookie(fd.get());
  ASSERT_TRUE(reader.Until([](const WatchReader& r) { return r.decoder().rows().size() == 1; }));
  fd.Reset();
  absl::StatusOr<sys::UniqueFd> again = ConnectFrom(local, server->endpoint());
  ASSERT_THAT(again, IsOk());
  const uint64_t second = sys::SocketCookie(again->get());
  ASSERT_TRUE(reader.Until([&](const WatchReader& r) {
    const auto live = r.WithLocalPort(local.port);
    return live.size() == 1 && live[0]->identity.cookie == second;
  }));
  EXPECT_NE(first, second);
  EXPECT_TRUE(HasEnded(reader, first));
  EXPECT_FALSE(HasEnded(reader, second));
}

TEST_F(SocketsLifecycleTest, ReportsTheEndOfEveryConnectionItHasShown) {
  const auto server = Server(PlainServer::Behaviour::kEcho);
  WatchReader reader(*client_, WatchPort(server->endpoint().port));
  const sys::UniqueFd lasting = Connect(server->endpoint());
  const uint64_t cookie = sys::SocketCookie(lasting.get());
  size_t opened = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<sys::UniqueFd> brief;  // half of them end before the next poll
    for (int i = 0; i < kShortLived; ++i) {
      brief.push_back(Connect(server->endpoint()));
      ASSERT_THAT(sys::SetLingerReset(brief.back().get()), IsOk());
      ASSERT_THAT(Exchange(brief.back().get(), 100), IsOk());
    }
    brief.resize(kShortLived / 2);
    ASSERT_TRUE(reader.Next());
    opened += reader.decoder().opened().size();
  }
  ASSERT_TRUE(reader.Until([&](const WatchReader& r) {
    opened += r.decoder().opened().size();
    const auto live = r.WithRemotePort(server->endpoint().port);
    return live.size() == 1 && live[0]->identity.cookie == cookie;
  }));
  EXPECT_GE(reader.closed().size(), size_t{kShortLived});
  // Whatever a poll saw is either alive or has ended.
  EXPECT_EQ(opened, 1 + reader.closed().size());
  for (const sockets::ClosedConnection& closed : reader.closed()) {
    EXPECT_EQ(closed.reason, v1::ConnectionClose::REASON_NOT_SEEN);
    EXPECT_NE(closed.last.identity.cookie, cookie);
  }
}

TEST_F(SocketsLifecycleTest, FollowsAConnectionThroughItsStates) {
  const Crowd crowd = AddCrowd(*web_->host, web_->host->ipv4());
  WatchReader reader(*client_, WatchPort(crowd.endpoint.port));
  const sys::UniqueFd fd = Connect(crowd.endpoint);
  const auto is_in = [&](const WatchReader& r, sockets::TcpState state) {
    const auto live = r.WithRemotePort(crowd.endpoint.port);
    return live.size() == 1 && live[0]->identity.cookie == sys::SocketCookie(fd.get()) &&
           live[0]->values.Get(Field::kState) == static_cast<uint64_t>(state);
  };
  ASSERT_TRUE(reader.Until(
      [&](const WatchReader& r) { return is_in(r, sockets::TcpState::kEstablished); }));
  ASSERT_EQ(::shutdown(fd.get(), SHUT_WR), 0);
  ASSERT_TRUE(
      reader.Until([&](const WatchReader& r) { return is_in(r, sockets::TcpState::kFinWait2); }));
  EXPECT_THAT(reader.closed(), IsEmpty());
}

TEST_F(SocketsLifecycleTest, SaysWhenAConnectionNoLongerMatches) {
  const Crowd crowd = AddCrowd(*web_->host, web_->host->ipv4());
  const sys::UniqueFd fd = Connect(crowd.endpoint);
  const uint64_t cookie = sys::SocketCookie(fd.get());
  WatchReader reader(
      *client_, FastWatch(absl::StrCat("state established and dport = :", crowd.endpoint.port)));
  ASSERT_TRUE(reader.Until([](const WatchReader& r) { return r.decoder().rows().size() == 1; }));
  ASSERT_EQ(::shutdown(fd.get(), SHUT_WR), 0);
  ASSERT_TRUE(reader.Until([](const WatchReader& r) { return r.decoder().rows().empty(); }));
  ASSERT_THAT(reader.closed(), SizeIs(1));
  EXPECT_EQ(reader.closed()[0].last.identity.cookie, cookie);
}

TEST_F(SocketsLifecycleTest, NamesTheProcessOfANewConnection) {
  v1::WatchRequest request;
  const Crowd crowd = AddCrowd(*web_->host, web_->host->ipv4());
  request = WatchPort(crowd.endpoint.port);
  request.set_processes(true);
  WatchReader reader(*client_, request);
  ASSERT_TRUE(reader.Next());
  const sys::UniqueFd fd = Connect(crowd.endpoint);
  ASSERT_TRUE(reader.Until([&](const WatchReader& r) {
    const auto live = r.WithRemotePort(crowd.endpoint.port);
    return live.size() == 1 && live[0]->identity.process != nullptr;
  }));
  const ConnectionSample& sample = *reader.WithRemotePort(crowd.endpoint.port)[0];
  EXPECT_EQ(sample.identity.process->pid, static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(sample.identity.cookie, sys::SocketCookie(fd.get()));
  EXPECT_FALSE(HasEnded(reader, sample.identity.cookie)) << "it lives on under another row";
}

TEST_F(SocketsLifecycleTest, FindsOwnersWhileProcessesComeAndGo) {
  const Crowd crowd = AddCrowd(*web_->host, web_->host->ipv4(), {"connect", "e50"});
  v1::SnapshotRequest request;
  request.set_filter(absl::StrCat("state established and dport = :", crowd.endpoint.port));
  request.set_processes(true);
  std::vector<sys::ChildProcess> passing;
  for (int i = 0; i < kProcesses; ++i) {
    // A snapshot for every ten processes that start and end.
    sys::ChildProcess::Options options;
    options.arguments = {"sleep", absl::StrCat(0.01 * (i % 7))};
    passing.push_back(sys::ChildProcess::Start(options).value());
    if (i % 10 != 0) continue;
    const absl::StatusOr<SocketsSnapshot> snapshot = Snapshot(*client_, request);
    ASSERT_THAT(snapshot, IsOk());
    ASSERT_THAT(snapshot->connections, SizeIs(50));
    for (const ConnectionSample& sample : snapshot->connections) {
      ASSERT_NE(sample.identity.process, nullptr);
      EXPECT_EQ(sample.identity.process->pid, static_cast<uint32_t>(crowd.client->process.pid()));
      EXPECT_EQ(sample.identity.process->comm, "socket_crowd");
    }
    EXPECT_EQ(snapshot->completeness.unattributed(), 0u);
  }
}

TEST_F(SocketsLifecycleTest, CountsConnectionsWhoseOwnerIsUnknown) {
  // Nobody has accepted it: it has no file and no owner.
  const auto full = Server(PlainServer::Behaviour::kFullBacklog);
  v1::SnapshotRequest request;
  request.set_filter(absl::StrCat("state established and sport = :", full->endpoint().port));
  request.set_processes(true);
  const absl::StatusOr<SocketsSnapshot> snapshot = Snapshot(*client_, request);
  ASSERT_THAT(snapshot, IsOk());
  ASSERT_THAT(snapshot->connections, SizeIs(1));
  EXPECT_EQ(snapshot->connections[0].identity.process, nullptr);
  EXPECT_EQ(snapshot->completeness.unattributed(), 1u);
}

TEST_F(SocketsLifecycleTest, NamesTheCgroupOfAConnection) {
  std::string mount_point;
  const std::vector<sys::Mount> mounts = sys::ReadMounts().value();
  for (const sys::Mount& mount : mounts) {
    if (mount.type == "cgroup2") mount_point = mount.point;
  }
  const std::string name = absl::StrCat("/tcpfleet-test-", ::getpid());
  std::error_code error;
  if (mount_point.empty() || !std::filesystem::create_directory(mount_point + name, error)) {
    GTEST_SKIP() << "no cgroup2 mount that this user may write to: " << error.message();
  }
  {
    const Crowd crowd = AddCrowd(*web_->host, web_->host->ipv4());
    const RunningProgram client = StartProgram(
        *web_->host, {"sh", "-c",
                      absl::StrCat("echo $$ > ", mount_point, name, "/cgroup.procs && exec ",
                                   TCPFLEET_SOCKET_CROWD_PROGRAM, " connect ",
                                   crowd.endpoint.ToString(), " e5")});
    WatchReader reader(*client_, WatchPort(crowd.endpoint.port));
    ASSERT_TRUE(reader.Until([&](const WatchReader& r) {
      const auto live = r.WithRemotePort(crowd.endpoint.port);
      return live.size() == 5 &&
             std::all_of(live.begin(), live.end(), [](const ConnectionSample* sample) {
               return sample->identity.cgroup != nullptr;
             });
    }));
    for (const ConnectionSample* sample : reader.WithRemotePort(crowd.endpoint.port)) {
      EXPECT_EQ(*sample->identity.cgroup, name);
    }
  }
  EXPECT_TRUE(EventuallyTrue([&] { return std::filesystem::remove(mount_point + name, error); }));
}

TEST_F(SocketsLifecycleTest, FollowsNamespacesThatComeAndGo) {
  const Host& other = AddHost("other");
  const uint64_t inode = other.network().Inode().value();
  std::optional<Crowd> crowd = AddCrowd(other, other.ipv4(), {"connect", "e20"});
  const uint16_t port = crowd->endpoint.port;
  v1::WatchRequest request = WatchPort(port);
  WatchReader own(*client_, request);
  request.set_all_namespaces(true);
  WatchReader all(*client_, request);
  ASSERT_TRUE(own.Next());
  EXPECT_THAT(own.WithRemotePort(port), IsEmpty());
  const auto of_other = [&](const WatchReader& r) {
    const auto live = r.WithRemotePort(port);
    return std::count_if(live.begin(), live.end(), [&](const ConnectionSample* sample) {
      return sample->identity.network_namespace == inode;
    });
  };
  ASSERT_TRUE(all.Until([&](const WatchReader& r) { return of_other(r) == 20; }));
  crowd.reset();  // nothing is left in the namespace
  ASSERT_TRUE(all.Until([&](const WatchReader& r) { return of_other(r) == 0; }));
  EXPECT_GE(all.closed().size(), 20u);
  ASSERT_TRUE(all.Next());
  EXPECT_FALSE(all.frame().completeness().gap());
}

}  // namespace
}  // namespace tcpfleet::tests
