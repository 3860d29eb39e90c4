#include "tests/integration/sockets_fixture.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <utility>

#include "common/base/status_macros.h"
#include "tests/support/eventually.h"

namespace tcpfleet::tests {
namespace {

RunningProgram StartCrowd(const Host& host, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TCPFLEET_SOCKET_CROWD_PROGRAM);
  RunningProgram program = StartProgram(host, std::move(arguments));
  EXPECT_TRUE(EventuallyTrue(
      [&] {
        return absl::StrContains(program.out.Text(), "ready\n") ||
               program.process.TryWait().has_value();
      },
      absl::Seconds(60)));
  EXPECT_EQ(program.process.TryWait(), std::nullopt) << program.err.Text();
  return program;
}

}  // namespace

WatchReader::WatchReader(controller::AgentClient& client, const v1::WatchRequest& request)
    : call_(client.Watch(
          request,
          [this](v1::WatchResponse response) {
            frames_.Push(std::move(*response.mutable_frame()));
          },
          [this](const absl::Status&) { frames_.Push(std::nullopt); })) {}

bool WatchReader::Next() {
  auto next = frames_.PopUntil(base::MonotonicNowNs() + kPatienceNs);
  if (!next.has_value() || !next->has_value()) return false;
  frame_ = **std::move(next);
  const absl::Status applied = decoder_.Apply(frame_);
  EXPECT_TRUE(applied.ok()) << applied;
  closed_.insert(closed_.end(), decoder_.closed().begin(), decoder_.closed().end());
  return applied.ok();
}

bool WatchReader::Until(const std::function<bool(const WatchReader&)>& holds) {
  const int64_t deadline_ns = base::MonotonicNowNs() + kPatienceNs;
  while (base::MonotonicNowNs() < deadline_ns && Next()) {
    if (holds(*this)) return true;
  }
  return false;
}

std::vector<const sockets::ConnectionSample*> WatchReader::WithLocalPort(uint16_t port) const {
  std::vector<const sockets::ConnectionSample*> found;
  for (const auto& [row, sample] : decoder_.rows()) {
    if (sample.identity.local.port == port) found.push_back(&sample);
  }
  return found;
}

std::vector<const sockets::ConnectionSample*> WatchReader::WithRemotePort(uint16_t port) const {
  std::vector<const sockets::ConnectionSample*> found;
  for (const auto& [row, sample] : decoder_.rows()) {
    if (sample.identity.remote.port == port) found.push_back(&sample);
  }
  return found;
}

TestAgent& SocketsTest::AddWatchedAgent(const std::string& name) {
  return AddAgent(name,
                  {"--listen", absl::StrCat("unix:", directory_->path(), "/", name, ".sock")});
}

std::unique_ptr<controller::AgentClient> SocketsTest::NewClient(const TestAgent& agent) {
  return controller::NewGrpcAgentClient(
             absl::StrCat("unix:", directory_->path(), "/", agent.host->name(), ".sock"), {})
      .value();
}

absl::StatusOr<SocketsSnapshot> SocketsTest::Snapshot(controller::AgentClient& client,
                                                      const v1::SnapshotRequest& request) {
  std::vector<v1::ConnectionFrame> frames;  // of the callback until `ended` says so
  base::Queue<absl::Status> ended(1);
  const auto call = client.Snapshot(
      request, absl::Seconds(60),
      [&](v1::SnapshotResponse response) {
        frames.push_back(std::move(*response.mutable_frame()));
      },
      [&](absl::Status status) { ended.Push(std::move(status)); });
  const auto status = ended.PopUntil(base::MonotonicNowNs() + 2 * kPatienceNs);
  if (!status.has_value()) return absl::DeadlineExceededError("the snapshot does not end");
  TF_RETURN_IF_ERROR(*status);
  SocketsSnapshot snapshot;
  sockets::FrameDecoder decoder;
  for (const v1::ConnectionFrame& frame : frames) {
    TF_RETURN_IF_ERROR(decoder.Apply(frame));
    for (const auto& [row, sample] : decoder.rows()) snapshot.connections.push_back(sample);
    snapshot.completeness = frame.completeness();
    snapshot.monotonic_ns = static_cast<int64_t>(frame.monotonic_ns());
  }
  return snapshot;
}

Crowd SocketsTest::AddCrowd(const Host& host, const base::IpAddress& address,
                            std::vector<std::string> client) {
  Crowd crowd{StartCrowd(host, {"serve", address.ToString()}), {address, 0}, std::nullopt};
  uint32_t port = 0;
  const std::string text = crowd.server.out.Text();
  EXPECT_TRUE(absl::SimpleAtoi(text.substr(0, text.find('\n')), &port)) << text;
  crowd.endpoint.port = static_cast<uint16_t>(port);
  if (!client.empty()) {
    client.insert(client.begin() + 1, crowd.endpoint.ToString());
    crowd.client = StartCrowd(host, std::move(client));
  }
  return crowd;
}

RunningProgram SocketsTest::AddChatter(const Host& host, int count) {
  return StartCrowd(host, {"chatter", host.ipv4().ToString(), absl::StrCat(count)});
}

v1::WatchRequest FastWatch(const std::string& filter) {
  v1::WatchRequest request;
  request.set_filter(filter);
  request.set_interval_ms(100);
  return request;
}

}  // namespace tcpfleet::tests
