#include "agent/load/stream_pump.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <vector>

#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::agent {
namespace {

using Then = Pumped::Then;

// The two ends of a connection over loopback.
struct Pair {
  Pair() {
    const sys::UniqueFd listener = sys::ListenTcp(0, 1).value();
    const uint16_t port = sys::LocalEndpoint(listener.get())->port;
    client.Reset(sys::NewTcpSocket(AF_INET));
    sys::Connect(client.get(), sys::ToSocketAddress({base::IpAddress::V4({127, 0, 0, 1}), port}));
    pollfd waiting{.fd = listener.get(), .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, 5'000);
    server.Reset(sys::Accept(listener.get()));
  }
  sys::UniqueFd client;
  sys::UniqueFd server;
};

// Waits until there is something to receive.
void AwaitData(int fd) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&waiting, 1, 5'000), 1);
}

int LeastReceived(int fd) { return sys::GetOption(fd, SOL_SOCKET, SO_RCVLOWAT).value(); }

TEST(StreamPump, SendsUntilTheSocketIsFull) {
  Pair pair;
  const std::vector<std::byte> block(131'072);
  Pumped pumped;
  size_t sent = 0;
  do {
    pumped = SendStream(pair.client.get(), block);
    sent += pumped.bytes;
  } while (pumped.then == Then::kGoOn);
  EXPECT_EQ(pumped.then, Then::kWait);
  EXPECT_GT(sent, 0u);
  EXPECT_EQ(SendStream(pair.client.get(), block).bytes, 0u);
}

TEST(StreamPump, StopsAtItsBounds) {
  Pair pair;
  const std::vector<std::byte> small(1);
  const Pumped many = SendStream(pair.client.get(), small);
  EXPECT_EQ(many.then, Then::kGoOn);
  EXPECT_EQ(many.bytes, size_t{kMostWritesPerPump});
  const std::vector<std::byte> block(1'000);
  const Pumped some = SendStream(pair.client.get(), block, 1'500);
  EXPECT_EQ(some.then, Then::kGoOn);
  EXPECT_EQ(some.bytes, 2'000u);
}

TEST(StreamPump, ReceivesWhatIsThereAndTheEndAfterIt) {
  Pair pair;
  StreamReceiver receiver;
  EXPECT_EQ(receiver.Receive(pair.server.get(), EPOLLIN, 1).bytes, 0u);
  const std::vector<std::byte> block(1'000);
  SendStream(pair.client.get(), block, 1'000);
  AwaitData(pair.server.get());
  const Pumped data = receiver.Receive(pair.server.get(), EPOLLIN, 1);
  EXPECT_EQ(data.bytes, 1'000u);
  EXPECT_EQ(data.then, Then::kWait);
  SendStream(pair.client.get(), block, 1'000);
  pair.client.Reset();
  AwaitData(pair.server.get());
  Pumped end;
  size_t received = 0;
  do {
    end = receiver.Receive(pair.server.get(), EPOLLIN | EPOLLRDHUP, 1);
    received += end.bytes;
  } while (end.then == Then::kWait);
  EXPECT_EQ(end.then, Then::kEnded);
  EXPECT_EQ(received, 1'000u);
}

TEST(StreamPump, WakesTheReceiverOfAFastStreamLessOften) {
  Pair pair;
  StreamReceiver receiver;
  const std::vector<std::byte> block(65'536);
  int64_t now_ns = 1'000'000'000;
  size_t received = 0;
  while (LeastReceived(pair.server.get()) == 1 && received < 32u << 20) {
    SendStream(pair.client.get(), block, block.size());
    AwaitData(pair.server.get());
    received += receiver.Receive(pair.server.get(), EPOLLIN, now_ns).bytes;
  }
  EXPECT_GT(LeastReceived(pair.server.get()), 1);
  EXPECT_GE(received, 4u << 20);
  // A second later it is slow.
  now_ns += 1'000'000'000;
  receiver.Receive(pair.server.get(), EPOLLIN, now_ns);
  EXPECT_EQ(LeastReceived(pair.server.get()), 1);
}

}  // namespace
}  // namespace tcpfleet::agent
