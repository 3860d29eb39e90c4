#include "common/rpc/server_host.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "common/rpc/channel.h"
#include "common/sys/file.h"
#include "tcpfleet/v1/host.grpc.pb.h"
#include "tests/support/eventually.h"

namespace tcpfleet::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A server with one service that answers nothing.
class TestServer {
 public:
  explicit TestServer(const ServerHost::Options& options)
      : host_(ServerHost::Start(options, {&service_, 1})) {}
  absl::Status status() const { return host_.status(); }
  const std::vector<std::string>& addresses() const { return (*host_)->addresses(); }
  bool awake() const { return (*host_)->awake(); }

 private:
  v1::HostService::CallbackService service_callbacks_;
  grpc::Service* service_ = &service_callbacks_;
  absl::StatusOr<std::unique_ptr<ServerHost>> host_;
};

absl::Status StartOn(std::vector<std::string> listen) {
  return TestServer({.listen = std::move(listen), .tls = {}}).status();
}

TEST(ServerHost, PicksAPortAndSaysWhich) {
  const TestServer server({.listen = {"127.0.0.1:0"}, .tls = {}});
  ASSERT_TRUE(server.status().ok()) << server.status();
  ASSERT_EQ(server.addresses().size(), 1u);
  EXPECT_THAT(server.addresses()[0], StartsWith("127.0.0.1:"));
  EXPECT_NE(server.addresses()[0], "127.0.0.1:0");
}

TEST(ServerHost, RefusesAPortSomebodyListensOn) {
  const TestServer first({.listen = {"127.0.0.1:0"}, .tls = {}});
  ASSERT_TRUE(first.status().ok()) << first.status();
  const absl::Status second = StartOn(first.addresses());
  EXPECT_TRUE(absl::IsAlreadyExists(second)) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr(first.addresses()[0]));
}

TEST(ServerHost, RefusesAUnixPathAnotherServerAnswersOnButReusesADeadOne) {
  const auto directory = sys::TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_TRUE(directory.ok());
  const std::string address = "unix:" + directory->path() + "/agent.sock";
  {
    const TestServer first({.listen = {address}, .tls = {}});
    ASSERT_TRUE(first.status().ok()) << first.status();
    EXPECT_TRUE(absl::IsAlreadyExists(StartOn({address})));
  }
  EXPECT_TRUE(StartOn({address}).ok());
}

TEST(ServerHost, RefusesOpenAddressesWithoutTls) {
  const absl::Status status = StartOn({"0.0.0.0:0"});
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("--insecure-listen"));
  EXPECT_TRUE(
      TestServer({.listen = {"0.0.0.0:0"}, .tls = {}, .insecure_listen = true}).status().ok());
}

TEST(ServerHost, RefusesMalformedAddresses) {
  for (const char* address :
       {"", "7117", "localhost:7117", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "unix:"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(StartOn({address})))
        << address << ": " << StartOn({address});
  }
}

TEST(ServerHost, RefusesTlsFilesThatAreNotThere) {
  const TestServer server(
      {.listen = {"127.0.0.1:0"}, .tls = {.ca = "/nonexistent/ca.pem", .cert = "c", .key = "k"}});
  EXPECT_TRUE(absl::IsInvalidArgument(server.status())) << server.status();
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("--tls-ca"));
}

// The answer of a server that answers nothing, which only a running one gives.
grpc::StatusCode Call(v1::HostService::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::DescribeResponse response;
  return stub.Describe(&context, v1::DescribeRequest(), &response).error_code();
}

TEST(ServerHost, SleepsWhileNobodyCallsAndWakesForTheNextCall) {
  const auto directory = sys::TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_TRUE(directory.ok());
  for (const std::string& address :
       {std::string("127.0.0.1:0"), "unix:" + directory->path() + "/agent.sock"}) {
    const TestServer server(
        {.listen = {address}, .tls = {}, .connection_idle = absl::Milliseconds(100)});
    ASSERT_TRUE(server.status().ok()) << server.status();
    EXPECT_FALSE(server.awake());
    const auto channel = NewChannel(server.addresses()[0], {});
    ASSERT_TRUE(channel.ok()) << channel.status();
    const auto stub = v1::HostService::NewStub(*channel);
    for (int round = 0; round < 2; ++round) {
      EXPECT_EQ(Call(*stub), grpc::StatusCode::UNIMPLEMENTED);
      EXPECT_TRUE(server.awake());
      EXPECT_TRUE(tests::EventuallyTrue([&] { return !server.awake(); })) << address;
    }
  }
}

TEST(ServerHost, TakesManyCallersAtOnceOutOfItsSleep) {
  const TestServer server({.listen = {"127.0.0.1:0"}, .tls = {}});
  ASSERT_TRUE(server.status().ok()) << server.status();
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        grpc::ChannelArguments own_connection;
        own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        const auto stub = v1::HostService::NewStub(grpc::CreateCustomChannel(
            server.addresses()[0], grpc::InsecureChannelCredentials(), own_connection));
        if (Call(*stub) == grpc::StatusCode::UNIMPLEMENTED) ++answered;
      });
    }
  }
  EXPECT_EQ(answered, 8);
}

}  // namespace
}  // namespace tcpfleet::rpc
