// Many subscribers of one agent: those that do not read, are gone or want another pace cost the
// agent no memory and the others no time.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include <map>

#include "tcpfleet/v1/sockets.grpc.pb.h"
#include "tests/integration/sockets_fixture.h"
#include "tests/support/plain_client.h"

namespace tcpfleet::tests {
namespace {

using sockets::Field;

constexpr int kConnections = 1500;
constexpr int kSubscribers = 20;
// Kept frames of the stalled ones would take some 14 MiB in 60 polls.
constexpr uint64_t kMostGrowthBytes = uint64_t{7} << 20;

// A subscriber that reads when it is told to, over a TCP or Unix connection of its own.
class LazyReader {
 public:
  LazyReader(const std::shared_ptr<grpc::Channel>& channel, const v1::WatchRequest& request)
      : stub_(v1::SocketService::NewStub(channel)), reader_(stub_->Watch(&context_, request)) {}
  ~LazyReader() {
    context_.TryCancel();
    reader_->Finish();
  }
  bool Read() {
    v1::WatchResponse response;
    if (!reader_->Read(&response)) return false;
    frame_ = std::move(*response.mutable_frame());
    const absl::Status applied = decoder_.Apply(frame_);
    EXPECT_TRUE(applied.ok()) << applied;
    return applied.ok();
  }
  const v1::ConnectionFrame& frame() const { return frame_; }
  const sockets::FrameDecoder& decoder() const { return decoder_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::SocketService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader_;
  v1::ConnectionFrame frame_;
  sockets::FrameDecoder decoder_;
};

class SocketsSubscribersTest : public SocketsTest {
 protected:
  std::unique_ptr<LazyReader> NewLazyReader(const TestAgent& agent,
                                            const v1::WatchRequest& request) {
    grpc::ChannelArguments own_connection;
    own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // gRPC reads no more ahead than it must.
    own_connection.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    own_connection.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1024);
    return std::make_unique<LazyReader>(
        grpc::CreateCustomChannel(
            absl::StrCat("unix:", directory_->path(), "/", agent.host->name(), ".sock"),
            grpc::InsecureChannelCredentials(), own_connection),
        request);
  }

  // From another host.
  std::unique_ptr<LazyReader> NewRemoteReader(const TestAgent& agent, const Host& from,
                                              const v1::WatchRequest& request) {
    sys::UniqueFd fd = ConnectTo({agent.host->ipv4(), 7117}, &from.network()).value();
    EXPECT_EQ(::fcntl(fd.get(), F_SETFL, O_NONBLOCK), 0);
    return std::make_unique<LazyReader>(
        grpc::CreateInsecureChannelFromFd(agent.address, fd.Release()), request);
  }

  // Takes `polls` polls of a subscriber at the fastest pace, which accounts for every one of them.
  void TakePolls(WatchReader& reader, uint64_t polls) {
    const uint64_t first = reader.frame().poll_sequence();
    uint64_t accounted = 0;
    size_t frames = 0;
    size_t single = 0;
    while (reader.frame().poll_sequence() < first + polls) {
      ASSERT_TRUE(reader.Next());
      accounted += reader.frame().merged_polls();
      ++frames;
      if (reader.frame().merged_polls() == 1) ++single;
      EXPECT_FALSE(reader.frame().completeness().gap());
    }
    EXPECT_EQ(accounted, reader.frame().poll_sequence() - first);
    EXPECT_GE(2 * single, frames) << "somebody delays this subscriber";
  }
};

uint64_t ResidentBytes(const TestAgent& agent) {
  const std::vector<std::string> words = absl::StrSplit(
      sys::ReadFile(absl::StrCat("/proc/", agent.program.process.pid(), "/statm")).value(), ' ');
  uint64_t pages = 0;
  EXPECT_TRUE(absl::SimpleAtoi(words[1], &pages));
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(SocketsSubscribersTest, StalledAndDeadOnesTakeNoMemoryAndNobodysTime) {
  TestAgent& web = AddWatchedAgent("web1");
  const RunningProgram chatter = AddChatter(*web.host, kConnections);
  const v1::WatchRequest request = FastWatch("state established");
  const auto client = NewClient(web);
  WatchReader healthy(*client, request);
  std::vector<std::unique_ptr<LazyReader>> stalled;
  for (int i = 0; i < kSubscribers - 2; ++i) stalled.push_back(NewLazyReader(web, request));
  const auto dead = NewRemoteReader(web, *console_, request);
  ASSERT_TRUE(dead->Read());
  ASSERT_TRUE(console_->CutLink().ok());

  ASSERT_TRUE(healthy.Next());
  TakePolls(healthy, 40);
  const uint64_t before = ResidentBytes(web);
  TakePolls(healthy, 60);
  const uint64_t after = ResidentBytes(web);
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(after, before + kMostGrowthBytes);
#endif
  RecordProperty("resident_growth_bytes", absl::StrCat(static_cast<int64_t>(after - before)));

  // One wakes up: it is told how many polls its frames stand for, and misses nothing.
  LazyReader& woken = *stalled.front();
  ASSERT_TRUE(woken.Read());
  const uint64_t first = woken.frame().poll_sequence();
  uint64_t accounted = 0;
  uint32_t most_merged = 1;
  while (woken.frame().poll_sequence() < healthy.frame().poll_sequence()) {
    ASSERT_TRUE(woken.Read());
    accounted += woken.frame().merged_polls();
    most_merged = std::max(most_merged, woken.frame().merged_polls());
  }
  EXPECT_EQ(accounted, woken.frame().poll_sequence() - first);
  EXPECT_GT(most_merged, 1u);
  EXPECT_GE(woken.decoder().rows().size(), size_t{2} * kConnections);
}

TEST_F(SocketsSubscribersTest, TwentySeeTheSame) {
  TestAgent& web = AddWatchedAgent("web1");
  const Crowd crowd = AddCrowd(*web.host, web.host->ipv4(), {"connect", "e100", "u10", "s10"});
  const auto client = NewClient(web);
  const v1::WatchRequest request = FastWatch(absl::StrCat("dport = :", crowd.endpoint.port));
  std::vector<std::unique_ptr<WatchReader>> readers;
  for (int i = 0; i < kSubscribers; ++i) {
    readers.push_back(std::make_unique<WatchReader>(*client, request));
  }
  std::map<uint64_t, uint64_t> expected;  // bytes sent by cookie
  for (const auto& reader : readers) {
    std::map<uint64_t, uint64_t> seen;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(reader->Next());
    for (const auto& [row, sample] : reader->decoder().rows()) {
      seen[sample.identity.cookie] = sample.values.Get(Field::kBytesSent);
    }
    EXPECT_EQ(seen.size(), 120u);
    if (expected.empty()) expected = seen;
    EXPECT_EQ(seen, expected);
  }
}

TEST_F(SocketsSubscribersTest, EachKeepsItsOwnInterval) {
  TestAgent& web = AddWatchedAgent("web1");
  const auto client = NewClient(web);
  WatchReader fast(*client, FastWatch("state all"));
  v1::WatchRequest request = FastWatch("state all");
  request.set_interval_ms(1000);
  WatchReader slow(*client, request);
  ASSERT_TRUE(fast.Next());
  ASSERT_TRUE(slow.Next());
  const uint64_t first = slow.frame().poll_sequence();
  uint64_t merged = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(slow.Next());
    merged += slow.frame().merged_polls();
  }
  const uint64_t polls = slow.frame().poll_sequence() - first;
  EXPECT_GT(polls, 2 * merged) << "polls of the faster one are not the slower one's";
  EXPECT_TRUE(fast.Until([&](const WatchReader& reader) {
    return reader.frame().poll_sequence() >= slow.frame().poll_sequence();
  }));
}

}  // namespace
}  // namespace tcpfleet::tests
