#include <gtest/gtest.h>
#include <linux/tcp.h>

#include <cstring>
#include <numeric>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {
namespace {

constexpr int64_t kNowNs = 9'000'000'000'000;

std::vector<std::byte> Zeros(size_t size) { return std::vector<std::byte>(size); }

ConnectionSample Read(absl::Span<const std::byte> raw) {
  ConnectionSample sample;
  ReadTcpInfoInto(raw, kNowNs, sample);
  return sample;
}

TEST(TcpInfo, HasTheFieldsOfTheSystemHeader) {
  tcp_info info{};
  info.tcpi_ca_state = 3;
  info.tcpi_snd_wscale = 7;
  info.tcpi_rcv_wscale = 9;
  info.tcpi_delivery_rate_app_limited = 1;
  info.tcpi_fastopen_client_fail = 2;
  info.tcpi_rto = 204000;
  info.tcpi_rtt = 31;
  info.tcpi_total_retrans = 5;
  info.tcpi_pacing_rate = 1'000'000'007;
  info.tcpi_bytes_acked = uint64_t{1} << 40;
  info.tcpi_segs_in = 12;
  info.tcpi_min_rtt = 13;
  info.tcpi_delivery_rate = 14;
  info.tcpi_sndbuf_limited = 15;
  info.tcpi_delivered_ce = 16;
  info.tcpi_bytes_retrans = 17;
  info.tcpi_rcv_ooopack = 18;
  info.tcpi_snd_wnd = 19;
  const FieldValues values = Read({reinterpret_cast<const std::byte*>(&info), sizeof(info)}).values;
  const std::pair<Field, uint64_t> expected[] = {
      {Field::kCaState, 3},
      {Field::kSndWscale, 7},
      {Field::kRcvWscale, 9},
      {Field::kDeliveryRateAppLimited, 1},
      {Field::kFastopenClientFail, 2},
      {Field::kRto, 204000},
      {Field::kRtt, 31},
      {Field::kTotalRetrans, 5},
      {Field::kPacingRate, 1'000'000'007},
      {Field::kBytesAcked, uint64_t{1} << 40},
      {Field::kSegsIn, 12},
      {Field::kMinRtt, 13},
      {Field::kDeliveryRate, 14},
      {Field::kSndbufLimited, 15},
      {Field::kDeliveredCe, 16},
      {Field::kBytesRetrans, 17},
      {Field::kRcvOoopack, 18},
      {Field::kSndWnd, 19},
  };
  for (const auto& [field, value] : expected) {
    EXPECT_EQ(values.Find(field), value) << FindField(static_cast<uint32_t>(field))->name;
  }
}

struct Length {
  size_t bytes;
  Field last;    // ends there or just before
  Field beyond;  // the first one that is not there
  size_t tail;
};

class TcpInfoLength : public testing::TestWithParam<Length> {};

TEST_P(TcpInfoLength, GivesExactlyTheFieldsWithin) {
  const ConnectionSample sample = Read(Zeros(GetParam().bytes));
  EXPECT_TRUE(sample.values.Has(GetParam().last));
  EXPECT_FALSE(sample.values.Has(GetParam().beyond));
  EXPECT_EQ(sample.tcp_info_tail.size(), GetParam().tail);
}

// Lengths of real kernels, one that cuts a field in two, and one of the future.
INSTANTIATE_TEST_SUITE_P(Kernels, TcpInfoLength,
                         testing::Values(Length{104, Field::kTotalRetrans, Field::kPacingRate, 0},
                                         Length{144, Field::kSegsIn, Field::kNotsentBytes, 0},
                                         Length{192, Field::kSndbufLimited, Field::kDelivered, 0},
                                         Length{232, Field::kSndWnd, Field::kRcvWnd, 0},
                                         Length{248, Field::kTotalRtoTime, Field::kReceivedCe, 0},
                                         Length{250, Field::kTotalRtoTime, Field::kReceivedCe, 0},
                                         Length{280, Field::kAccecnOptSeen, Field::kState, 0},
                                         Length{300, Field::kAccecnOptSeen, Field::kState, 20}));

TEST(TcpInfo, GivesNothingForNothing) { EXPECT_EQ(Read({}), ConnectionSample()); }

TEST(TcpInfo, TurnsAgoIntoMoments) {
  std::vector<std::byte> raw = Zeros(280);
  const uint32_t ago_ms = 1500;
  std::memcpy(raw.data() + 44, &ago_ms, sizeof(ago_ms));
  EXPECT_EQ(Read(raw).values.Find(Field::kLastDataSentAtMs), 9'000'000u - 1500);
}

TEST(TcpInfo, LeavesOutMomentsBeforeTheBoot) {
  std::vector<std::byte> raw = Zeros(280);
  const uint32_t ago_ms = 9'000'001;
  std::memcpy(raw.data() + 52, &ago_ms, sizeof(ago_ms));
  EXPECT_FALSE(Read(raw).values.Has(Field::kLastDataRecvAtMs));
}

TEST(TcpInfo, KeepsTheUnknownTail) {
  std::vector<std::byte> raw = Zeros(283);
  raw[280] = std::byte{'n'};
  raw[281] = std::byte{'e'};
  raw[282] = std::byte{'w'};
  EXPECT_EQ(Read(raw).tcp_info_tail, "new");
}

// Each byte of the structure belongs to one field, so no two entries of the table overlap and none
// is misplaced.
TEST(TcpInfo, ReadsEveryByteOnce) {
  for (size_t at = 1; at < 280; ++at) {
    std::vector<std::byte> raw = Zeros(280);
    raw[at] = std::byte{1};
    const ConnectionSample with = Read(raw);
    const ConnectionSample without = Read(Zeros(280));
    int changed = 0;
    for (const FieldInfo& info : AllFields()) {
      if (with.values.Find(info.field) != without.values.Find(info.field)) ++changed;
    }
    EXPECT_EQ(changed, 1) << "byte " << at;
  }
}

}  // namespace
}  // namespace tcpfleet::sockets
