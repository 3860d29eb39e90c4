#include <cstdio>
#include <random>

#include "common/sockets/frame_encoder.h"
#include "tests/bench/groups.h"
#include "tests/bench/process_usage.h"

namespace tcpfleet::bench {
namespace {

using sockets::Field;

constexpr uint32_t kConnections = 10'000;
constexpr uint32_t kOneActiveIn = 5;
constexpr int kPollsPerMinute = 60;

// Connections of one host, polled once a second: every fifth exchanges messages, the rest is idle.
class Traffic {
 public:
  Traffic() : samples_(kConnections) {
    poll_.monotonic_ns = 1'000'000'000'000;
    for (uint32_t i = 0; i < kConnections; ++i) Open(i);
  }

  const sockets::ConnectionPoll& NextPoll() {
    poll_.sequence += 1;
    poll_.monotonic_ns += 1'000'000'000;
    for (uint32_t i = 0; i < kConnections; i += kOneActiveIn) Exchange(samples_[i].values);
    poll_.live = samples_;
    return poll_;
  }

 private:
  void Open(uint32_t i) {
    sockets::ConnectionIdentity& identity = samples_[i].identity;
    identity.cookie = 1'000 + i;
    identity.network_namespace = 4'026'531'840;
    identity.local = {base::IpAddress::V4({198, 18, 0, 1}), static_cast<uint16_t>(10'000 + i)};
    identity.remote = {base::IpAddress::V4({198, 18, 0, 2}), 80};
    identity.inode = 50'000 + i;
    identity.congestion_control = "cubic";
    sockets::FieldValues& values = samples_[i].values;
    for (const sockets::FieldInfo& info : sockets::AllFields()) values.Set(info.field, 0);
    values.Set(Field::kState, 1);
    values.Set(Field::kRto, 204'000);
    values.Set(Field::kSndMss, 1448);
    values.Set(Field::kPmtu, 1500);
    values.Set(Field::kSndCwnd, 10);
    Exchange(values);
  }

  void Exchange(sockets::FieldValues& values) {
    const auto add = [&](Field field, uint64_t value) {
      values.Set(field, values.Get(field) + value);
    };
    const uint64_t messages = 1 + random_() % 20;
    const uint64_t sent = messages * (200 + random_() % 800);
    for (Field field : {Field::kBytesAcked, Field::kBytesSent}) add(field, sent);
    add(Field::kBytesReceived, messages * (500 + random_() % 4000));
    for (Field field : {Field::kSegsOut, Field::kSegsIn}) add(field, 2 * messages);
    for (Field field : {Field::kDataSegsOut, Field::kDataSegsIn, Field::kDelivered}) {
      add(field, messages);
    }
    add(Field::kBusyTime, messages * (80 + random_() % 60));
    values.Set(Field::kRtt, 100 + random_() % 60);
    values.Set(Field::kRttvar, 10 + random_() % 30);
    values.Set(Field::kRcvRtt, 900'000 + random_() % 200'000);
    values.Set(Field::kDeliveryRate, 1'000'000 + random_() % 9'000'000);
    const uint64_t last_ms =
        static_cast<uint64_t>(poll_.monotonic_ns / 1'000'000) - random_() % 900;
    for (Field field :
         {Field::kLastDataSentAtMs, Field::kLastDataRecvAtMs, Field::kLastAckRecvAtMs}) {
      values.Set(field, last_ms);
    }
  }

  std::mt19937_64 random_{1};
  std::vector<sockets::ConnectionSample> samples_;
  sockets::ConnectionPoll poll_;
};

}  // namespace

absl::StatusOr<Measurements> MeasureFrames(const BenchOptions& options) {
  std::fputs("frames: encoding connection samples\n", stderr);
  constexpr double kSamplesPerMinute = double{kConnections} * kPollsPerMinute;
  Traffic traffic;
  sockets::FrameEncoder encoder;
  encoder.Encode(traffic.NextPoll());  // the rows open once
  std::vector<double> encode_ns, bytes;
  for (int round = 0; round < options.rounds; ++round) {
    double round_ns = 0, round_bytes = 0;
    for (int second = 0; second < kPollsPerMinute; ++second) {
      const sockets::ConnectionPoll& poll = traffic.NextPoll();
      const double start_ns = ThreadCpuNs();
      const v1::ConnectionFrame frame = encoder.Encode(poll);
      round_ns += ThreadCpuNs() - start_ns;
      round_bytes += static_cast<double>(frame.ByteSizeLong());
    }
    encode_ns.push_back(round_ns / kSamplesPerMinute);
    bytes.push_back(round_bytes / kSamplesPerMinute);
  }
  return Measurements{FromRounds("frames/encode", encode_ns, "ns"),
                      FromRounds("frames/bytes", bytes, "B")};
}

}  // namespace tcpfleet::bench
