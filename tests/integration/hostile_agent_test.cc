// The controller against things that listen where an agent should: nothing it says may crash it,
// hang it or pass as fine.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/rpc/server_host.h"
#include "common/rpc/server_stream.h"
#include "tcpfleet/v1/host.grpc.pb.h"
#include "tcpfleet/v1/sockets.grpc.pb.h"
#include "tests/support/plain_server.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FakeHostService final : public v1::HostService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const v1::DescribeRequest*,
                                     v1::DescribeResponse* response) override {
    response->set_name("liar");
    response->set_version("0.1.0");
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class FakeSocketService final : public v1::SocketService::CallbackService {
 public:
  grpc::ServerWriteReactor<v1::SnapshotResponse>* Snapshot(grpc::CallbackServerContext*,
                                                           const v1::SnapshotRequest*) override {
    const auto stream = rpc::ServerStream<v1::SnapshotResponse>::New();
    v1::SnapshotResponse response;
    *response.mutable_frame() = frame;
    stream->Push(std::move(response));
    stream->Close(absl::OkStatus());
    return stream.get();
  }
  v1::ConnectionFrame frame;
};

std::string Compressed(const std::string& text) {
  std::string compressed(ZSTD_compressBound(text.size()), '\0');
  compressed.resize(
      ZSTD_compress(compressed.data(), compressed.size(), text.data(), text.size(), 1));
  return compressed;
}

class HostileAgentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sockets_.frame.set_keyframe(true);
    auto started =
        rpc::ServerHost::Start({.listen = {"127.0.0.1:0"}, .tls = {}}, {{&host_, &sockets_}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }

  static CommandResult Controller(const std::string& address, std::vector<std::string> arguments) {
    std::vector<std::string> all = {TCPFLEET_PROGRAM, "--timeout", "3s", "--agents", address};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return RunCommand(std::move(all)).value();
  }

  void ExpectFrameIsRefused(const char* why) {
    const CommandResult result = Controller(server_->addresses()[0], {"snapshot"});
    EXPECT_EQ(result.exit_code, 3) << result.out << result.err;
    EXPECT_THAT(result.out + result.err, AllOf(HasSubstr(server_->addresses()[0]), HasSubstr(why)));
  }

  FakeHostService host_;
  FakeSocketService sockets_;
  std::unique_ptr<rpc::ServerHost> server_;
};

TEST_F(HostileAgentTest, TruncatedFrameIsNamed) {
  v1::ConnectionRows rows;
  rows.mutable_opened_rows()->add_row_deltas(1);
  const std::string text = rows.SerializeAsString();
  sockets_.frame.set_rows_size(static_cast<uint32_t>(text.size()));
  const std::string whole = Compressed(text);
  sockets_.frame.set_rows_zstd(whole.substr(0, whole.size() / 2));
  ExpectFrameIsRefused("frame");
}

TEST_F(HostileAgentTest, FrameThatClaimsToBeHugeIsRefusedUnread) {
  sockets_.frame.set_rows_size(4'000'000'000u);
  sockets_.frame.set_rows_zstd(Compressed("x"));
  ExpectFrameIsRefused("frame");
}

TEST_F(HostileAgentTest, DecompressionBombIsRefused) {
  sockets_.frame.set_rows_size(10);
  sockets_.frame.set_rows_zstd(Compressed(std::string(size_t{50} << 20, '\0')));
  ExpectFrameIsRefused("frame");
}

TEST_F(HostileAgentTest, MessageBeyondTheBoundIsRefused) {
  sockets_.frame.set_rows_zstd(std::string(size_t{80} << 20, 'x'));
  ExpectFrameIsRefused("larger");
}

TEST_F(HostileAgentTest, AgentWithoutTheServiceIsCalledIncompatible) {
  const CommandResult result = Controller(
      server_->addresses()[0], {"stress", "crr", "--target", "127.0.0.1:9", "--duration", "1s"});
  EXPECT_EQ(result.exit_code, 3) << result.out << result.err;
  EXPECT_THAT(result.out + result.err,
              AllOf(HasSubstr("incompatible"), Not(HasSubstr("UNIMPLEMENTED"))));
}

TEST_F(HostileAgentTest, WhatSpeaksNoGrpcIsSaid) {
  for (const auto behaviour : {PlainServer::Behaviour::kHold, PlainServer::Behaviour::kEcho,
                               PlainServer::Behaviour::kClose}) {
    const auto server = PlainServer::Create(behaviour);
    ASSERT_TRUE(server.ok()) << server.status();
    const CommandResult result = Controller((*server)->endpoint().ToString(), {"agents"});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.out + result.err, HasSubstr((*server)->endpoint().ToString()));
  }
}

}  // namespace
}  // namespace tcpfleet::tests
