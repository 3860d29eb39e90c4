// The stream classes against each other over a real in-process server.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/queue.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/server_host.h"
#include "common/rpc/server_stream.h"
#include "tcpfleet/v1/sockets.grpc.pb.h"
#include "tcpfleet/v1/stress.grpc.pb.h"

namespace tcpfleet::rpc {
namespace {

using RunStream = ServerDuplexStream<v1::RunRequest, v1::RunResponse>;
using WatchStream = ServerStream<v1::WatchResponse>;

constexpr int64_t kPatienceNs = 10'000'000'000;

template <class T>
T Await(base::Queue<T>& queue) {
  std::optional<T> value = queue.PopUntil(base::MonotonicNowNs() + kPatienceNs);
  EXPECT_TRUE(value.has_value()) << "nothing arrived";
  return value.value_or(T());
}

// Hands every stream it gets to the test.
class FakeStressService final : public v1::StressService::CallbackService {
 public:
  grpc::ServerBidiReactor<v1::RunRequest, v1::RunResponse>* Run(
      grpc::CallbackServerContext*) override {
    const std::shared_ptr<RunStream> stream = RunStream::New();
    stream->Start(
        {.on_message = [this](v1::RunRequest request) { requests.Push(std::move(request)); },
         .on_end =
             [this, weak = std::weak_ptr<RunStream>(stream)] {
               ended.Push(true);
               if (const auto live = weak.lock()) live->Close(absl::AbortedError("caller left"));
             }});
    streams.Push(stream);
    return stream.get();
  }

  base::Queue<std::shared_ptr<RunStream>> streams{8};
  base::Queue<v1::RunRequest> requests{8};
  base::Queue<bool> ended{8};
};

class FakeSocketService final : public v1::SocketService::CallbackService {
 public:
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext*,
                                                     const v1::WatchRequest*) override {
    const std::shared_ptr<WatchStream> stream = WatchStream::New();
    stream->SetOnDone([this] { done.Push(true); });
    streams.Push(stream);
    return stream.get();
  }

  base::Queue<std::shared_ptr<WatchStream>> streams{8};
  base::Queue<bool> done{8};
};

class StreamsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started =
        ServerHost::Start({.listen = {"127.0.0.1:0"}, .tls = {}}, {{&stress_, &sockets_}});
    ASSERT_TRUE(started.ok()) << started.status();
    host_ = *std::move(started);
    auto channel = NewChannel(host_->addresses()[0], {});
    ASSERT_TRUE(channel.ok()) << channel.status();
    stress_stub_ = v1::StressService::NewStub(*channel);
    sockets_stub_ = v1::SocketService::NewStub(*channel);
  }

  FakeStressService stress_;
  FakeSocketService sockets_;
  std::unique_ptr<ServerHost> host_;
  std::unique_ptr<v1::StressService::Stub> stress_stub_;
  std::unique_ptr<v1::SocketService::Stub> sockets_stub_;
  base::Queue<v1::RunResponse> responses_{64};
  base::Queue<v1::WatchResponse> frames_{64};
  base::Queue<absl::Status> statuses_{8};
};

using DuplexCall = ClientDuplexCall<v1::RunRequest, v1::RunResponse>;

TEST_F(StreamsTest, DuplexCarriesMessagesBothWaysAndTheServersStatus) {
  DuplexCall call(4, {[&](v1::RunResponse r) { responses_.Push(std::move(r)); },
                      [&](absl::Status s) { statuses_.Push(std::move(s)); }});
  stress_stub_->async()->Run(&call.context(), &call);
  call.Start();
  v1::RunRequest request;
  request.mutable_start()->set_monotonic_ns(42);
  ASSERT_TRUE(call.Send(request));
  EXPECT_EQ(Await(stress_.requests).start().monotonic_ns(), 42);

  const std::shared_ptr<RunStream> stream = Await(stress_.streams);
  for (uint32_t port = 1; port <= 3; ++port) {
    v1::RunResponse response;
    response.mutable_prepared()->set_listen_port(port);
    ASSERT_TRUE(stream->Push(response));
  }
  stream->Close(absl::PermissionDeniedError("enough"));
  for (uint32_t port = 1; port <= 3; ++port)
    EXPECT_EQ(Await(responses_).prepared().listen_port(), port);
  EXPECT_EQ(Await(statuses_), absl::PermissionDeniedError("enough"));
  EXPECT_FALSE(call.Send(request));
}

TEST_F(StreamsTest, ServerLearnsThatTheCallerLeft) {
  {
    DuplexCall call(
        4, {[](v1::RunResponse) {}, [&](absl::Status s) { statuses_.Push(std::move(s)); }});
    stress_stub_->async()->Run(&call.context(), &call);
    call.Start();
    Await(stress_.streams);
  }
  EXPECT_TRUE(absl::IsCancelled(Await(statuses_)));
  EXPECT_TRUE(Await(stress_.ended));
}

TEST_F(StreamsTest, CallToAServerThatIsGoneEndsUnavailable) {
  host_->Shutdown(absl::ZeroDuration());
  DuplexCall call(4,
                  {[](v1::RunResponse) {}, [&](absl::Status s) { statuses_.Push(std::move(s)); }});
  stress_stub_->async()->Run(&call.context(), &call);
  call.Start();
  EXPECT_TRUE(absl::IsUnavailable(Await(statuses_)));
}

TEST_F(StreamsTest, WatchEndsOnCancelAndReleasesTheStream) {
  std::weak_ptr<WatchStream> watched;
  {
    ClientReadCall<v1::WatchResponse> call(
        {[&](v1::WatchResponse r) { frames_.Push(std::move(r)); },
         [&](absl::Status s) { statuses_.Push(std::move(s)); }});
    const v1::WatchRequest request;
    sockets_stub_->async()->Watch(&call.context(), &request, &call);
    call.Start();
    const std::shared_ptr<WatchStream> stream = Await(sockets_.streams);
    watched = stream;
    v1::WatchResponse response;
    response.mutable_frame()->set_poll_sequence(7);
    ASSERT_TRUE(stream->Push(response));
    EXPECT_EQ(Await(frames_).frame().poll_sequence(), 7u);
  }
  EXPECT_TRUE(Await(sockets_.done));
  const int64_t deadline_ns = base::MonotonicNowNs() + kPatienceNs;
  while (!watched.expired() && base::MonotonicNowNs() < deadline_ns) std::this_thread::yield();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace tcpfleet::rpc
