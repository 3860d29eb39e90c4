#include "tests/support/network_lab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <signal.h>

#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "common/sys/file.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using testing::HasSubstr;
using Behaviour = PlainServer::Behaviour;

std::unique_ptr<PlainServer> EchoOn(const Host& host, const base::IpAddress& address) {
  return PlainServer::Create(Behaviour::kEcho, {address, 0}, &host.network()).value();
}

tcp_info TcpInfo(int fd) {
  tcp_info info{};
  sys::ReadTcpInfo(fd, absl::MakeSpan(reinterpret_cast<std::byte*>(&info), sizeof(info)));
  return info;
}

TEST_F(NetworkLabTest, HostsReachEachOtherByBothFamilies) {
  const Host& web = AddHost("web1");
  const Host& client = AddHost("client1");
  EXPECT_EQ(web.ipv4().ToString(), "198.18.0.1");
  EXPECT_EQ(client.ipv6().ToString(), "fd00:18::2");
  for (const base::IpAddress& address : {web.ipv4(), web.ipv6()}) {
    const auto server = EchoOn(web, address);
    const auto fd = ConnectTo(server->endpoint(), &client.network());
    ASSERT_THAT(fd, IsOk());
    EXPECT_THAT(Exchange(fd->get(), 1000), IsOk());
    EXPECT_EQ(sys::LocalEndpoint(fd->get())->address,
              address.is_v4() ? client.ipv4() : client.ipv6());
  }
}

TEST_F(NetworkLabTest, ProgramsRunInsideTheHost) {
  const Host& host = AddHost("web1");
  const auto result = host.Command({"ip", "-brief", "address", "show", "dev", "eth0"});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 0) << result->err;
  EXPECT_THAT(result->out, HasSubstr("198.18.0.1/24"));
  EXPECT_THAT(result->out, HasSubstr("fd00:18::1/64"));

  const auto output = CapturedOutput::Create();
  ASSERT_THAT(output, IsOk());
  sys::ChildProcess::Options options;
  options.arguments = {"ip", "-brief", "address"};
  options.stdout_fd = output->fd();
  auto child = host.Spawn(options);
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ(child->Wait(), 0);
  EXPECT_THAT(output->Text(), HasSubstr("198.18.0.1/24"));
}

TEST_F(NetworkLabTest, SpawnedProgramsDieWithTheirThread) {
  const Host& host = AddHost("web1");
  sys::ChildProcess::Options options;
  options.arguments = {"sleep", "60"};
  absl::StatusOr<sys::ChildProcess> child = absl::UnknownError("not started");
  std::thread([&] {
    child = host.Spawn(options);
    // Until then the program is not yet under its death signal.
    EXPECT_TRUE(EventuallyTrue([&] {
      return sys::ReadFile("/proc/" + std::to_string(child->pid()) + "/comm").value_or("") ==
             "sleep\n";
    }));
  }).join();
  ASSERT_THAT(child, IsOk());
  EXPECT_EQ(child->Wait(), 128 + SIGKILL);
}

TEST_F(NetworkLabTest, SysctlsBelongToOneHost) {
  const Host& changed = AddHost("a");
  const Host& other = AddHost("b");
  ASSERT_THAT(changed.SetSysctl("net.ipv4.tcp_syn_retries", "1"), IsOk());
  const std::vector<std::string> read = {"cat", "/proc/sys/net/ipv4/tcp_syn_retries"};
  EXPECT_EQ(changed.Command(read)->out, "1\n");
  EXPECT_NE(other.Command(read)->out, "1\n");
  EXPECT_FALSE(changed.SetSysctl("net.ipv4.no_such_key", "1").ok());
}

TEST_F(NetworkLabTest, ACutLinkIsSilentUntilRestored) {
  Host& web = AddHost("web1");
  const Host& client = AddHost("client1");
  const auto server = EchoOn(web, web.ipv4());
  const auto connected = ConnectTo(server->endpoint(), &client.network());
  ASSERT_THAT(connected, IsOk());
  ASSERT_THAT(web.CutLink(), IsOk());
  EXPECT_THAT(ConnectTo(server->endpoint(), &client.network(), absl::Milliseconds(100)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  ASSERT_THAT(web.RestoreLink(), IsOk());
  EXPECT_THAT(Exchange(connected->get(), 10), IsOk());
}

TEST_F(NetworkLabTest, LosesEveryNthPacketAndNoneWithoutLoss) {
  Host& web = AddHost("web1");
  const Host& client = AddHost("client1");
  const auto server = EchoOn(web, web.ipv4());
  const auto fd = ConnectTo(server->endpoint(), &client.network());
  ASSERT_THAT(fd, IsOk());
  ASSERT_THAT(Exchange(fd->get(), 100'000), IsOk());
  EXPECT_EQ(TcpInfo(fd->get()).tcpi_total_retrans, 0u);

  // Small requests, so that each is a packet and its answer another.
  ASSERT_THAT(web.DropEveryNth(50), IsOk());
  ASSERT_THAT(Exchange(fd->get(), 10, 200), IsOk());
  EXPECT_GT(TcpInfo(fd->get()).tcpi_total_retrans, 0u);
  EXPECT_GE(web.LostPackets().value(), 400u / 50);

  ASSERT_THAT(web.DropEveryNth(0), IsOk());
  EXPECT_THAT(Exchange(fd->get(), 100'000), IsOk());
  EXPECT_THAT(web.LostPackets(), IsOkAndHolds(0u));
}

TEST_F(NetworkLabTest, LosesAShareOfThePackets) {
  Host& web = AddHost("web1");
  const Host& client = AddHost("client1");
  const auto server = EchoOn(web, web.ipv6());
  const auto fd = ConnectTo(server->endpoint(), &client.network());
  ASSERT_THAT(fd, IsOk());
  ASSERT_THAT(web.DropShare(0.05), IsOk());
  EXPECT_THAT(Exchange(fd->get(), 10, 100), IsOk());
  EXPECT_GT(web.LostPackets().value(), 0u);
  EXPECT_THAT(web.DropShare(1.5), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace tcpfleet::tests
