#include "common/rpc/server_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "tcpfleet/v1/host.grpc.pb.h"

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

}  // namespace
}  // namespace tcpfleet::rpc
