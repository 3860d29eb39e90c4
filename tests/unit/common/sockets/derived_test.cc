#include "common/sockets/derived.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <initializer_list>
#include <utility>

namespace tcpfleet::sockets {
namespace {

using testing::DoubleNear;
using testing::Optional;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kSecondUs = 1'000'000;

FieldValues Values(std::initializer_list<std::pair<Field, uint64_t>> fields) {
  FieldValues values;
  for (const auto& [field, value] : fields) values.Set(field, value);
  return values;
}

// Of a connection that spent this much of a second busy, waiting for the receiver and for room in
// the send buffer.
Derived AfterOneSecond(uint64_t busy_ms, uint64_t receiver_ms, uint64_t send_buffer_ms,
                       FieldValues now = {}) {
  const FieldValues before =
      Values({{Field::kBusyTime, 7}, {Field::kRwndLimited, 5}, {Field::kSndbufLimited, 3}});
  now.Set(Field::kBusyTime, 7 + busy_ms * 1000);
  now.Set(Field::kRwndLimited, 5 + receiver_ms * 1000);
  now.Set(Field::kSndbufLimited, 3 + send_buffer_ms * 1000);
  return Derive(before, now, kSecondNs);
}

TEST(CounterDelta, WrapsAtTheWidthOfTheCounter) {
  EXPECT_THAT(CounterDelta(Values({{Field::kSegsOut, 4'294'967'290}}),
                           Values({{Field::kSegsOut, 10}}), Field::kSegsOut),
              Optional(16u));
  EXPECT_THAT(CounterDelta(Values({{Field::kTotalRto, 65'535}}), Values({{Field::kTotalRto, 1}}),
                           Field::kTotalRto),
              Optional(2u));
  EXPECT_THAT(CounterDelta(Values({{Field::kBytesSent, 4'294'967'290}}),
                           Values({{Field::kBytesSent, 4'294'967'300}}), Field::kBytesSent),
              Optional(10u));
}

TEST(CounterDelta, TakesCountersForAsWideAsTheRegistryDoes) {
  for (const Field field : Counters::kFields) {
    EXPECT_EQ(std::bit_width(kFieldPlaces[SlotOf(field)].mask),
              FindField(static_cast<uint32_t>(field))->bits);
  }
  const Counters before = Values({{Field::kDataSegsOut, 4'294'967'290}, {Field::kBytesSent, 5}});
  const FieldValues now = Values({{Field::kDataSegsOut, 10}, {Field::kBytesSent, 4}});
  EXPECT_THAT(CounterDelta<Field::kDataSegsOut>(before, now), Optional(16u));
  EXPECT_EQ(CounterDelta<Field::kBytesSent>(before, now), std::nullopt);
  EXPECT_EQ(CounterDelta<Field::kBytesAcked>(before, now), std::nullopt);
}

TEST(CounterDelta, IsUnknownWhenTheCounterWentBack) {
  EXPECT_EQ(CounterDelta(Values({{Field::kBytesSent, 1000}}), Values({{Field::kBytesSent, 10}}),
                         Field::kBytesSent),
            std::nullopt);
  EXPECT_EQ(CounterDelta(Values({{Field::kSegsOut, 1000}}), Values({{Field::kSegsOut, 10}}),
                         Field::kSegsOut),
            std::nullopt);
}

TEST(CounterDelta, IsUnknownUnlessBothHaveTheCounter) {
  const FieldValues with = Values({{Field::kSegsOut, 1}});
  EXPECT_EQ(CounterDelta({}, with, Field::kSegsOut), std::nullopt);
  EXPECT_EQ(CounterDelta(with, {}, Field::kSegsOut), std::nullopt);
}

TEST(Derive, GivesRatesPerSecond) {
  const FieldValues before =
      Values({{Field::kBytesSent, 1000}, {Field::kBytesReceived, 2000}, {Field::kBytesAcked, 500}});
  const FieldValues now = Values(
      {{Field::kBytesSent, 3000}, {Field::kBytesReceived, 2000}, {Field::kBytesAcked, 1500}});
  const Derived derived = Derive(before, now, kSecondNs / 2);
  EXPECT_THAT(derived.send_rate, Optional(4000.0));
  EXPECT_THAT(derived.receive_rate, Optional(0.0));
  EXPECT_THAT(derived.delivery_rate, Optional(2000.0));
}

TEST(Derive, BlamesTheApplicationForAWindowItDoesNotFill) {
  const FieldValues app_limited = Values({{Field::kDeliveryRateAppLimited, 1}});
  EXPECT_THAT(AfterOneSecond(1000, 0, 0).limited, Optional(Limit::kCongestionWindow));
  EXPECT_THAT(AfterOneSecond(1000, 0, 0, app_limited).limited, Optional(Limit::kApplication));
  FieldValues losing = app_limited;
  losing.Set(Field::kLost, 1);
  EXPECT_THAT(AfterOneSecond(1000, 0, 0, losing).limited, Optional(Limit::kNetwork));
}

TEST(Derive, KnowsNothingOfNoTimeAndNoFields) {
  const FieldValues values = Values({{Field::kBytesSent, 1000}, {Field::kBusyTime, 1000}});
  EXPECT_EQ(Derive(values, values, 0), Derived());
  EXPECT_EQ(Derive(values, values, -kSecondNs), Derived());
  EXPECT_EQ(Derive({}, {}, kSecondNs), Derived());
  EXPECT_EQ(Derive({}, values, kSecondNs), Derived());
}

TEST(Derive, GivesTheShareOfRetransmittedSegmentsAcrossAWrap) {
  const FieldValues before =
      Values({{Field::kTotalRetrans, 4'294'967'295}, {Field::kDataSegsOut, 4'294'967'200}});
  const FieldValues now = Values({{Field::kTotalRetrans, 1}, {Field::kDataSegsOut, 104}});
  EXPECT_THAT(Derive(before, now, kSecondNs).retrans_share, Optional(DoubleNear(0.01, 1e-9)));
}

TEST(Derive, KnowsNoRetransmitShareWhenNothingWasSent) {
  const FieldValues values = Values({{Field::kTotalRetrans, 1}, {Field::kDataSegsOut, 9}});
  EXPECT_EQ(Derive(values, values, kSecondNs).retrans_share, std::nullopt);
}

TEST(Derive, NamesWhatLimitedTheConnectionLongest) {
  EXPECT_THAT(AfterOneSecond(100, 0, 0).limited, Optional(Limit::kApplication));
  EXPECT_THAT(AfterOneSecond(0, 0, 0).limited, Optional(Limit::kApplication));
  EXPECT_THAT(AfterOneSecond(1000, 700, 0).limited, Optional(Limit::kReceiver));
  EXPECT_THAT(AfterOneSecond(1000, 100, 800).limited, Optional(Limit::kSendBuffer));
  EXPECT_THAT(AfterOneSecond(1000, 100, 100).limited, Optional(Limit::kCongestionWindow));
  EXPECT_THAT(AfterOneSecond(900, 300, 0, Values({{Field::kLost, 2}})).limited,
              Optional(Limit::kNetwork));
  EXPECT_THAT(AfterOneSecond(900, 300, 0, Values({{Field::kCaState, 4}})).limited,
              Optional(Limit::kNetwork));
}

TEST(Derive, TakesJiffiesBeyondTheIntervalForAllOfIt) {
  const Derived derived = AfterOneSecond(1004, 1004, 0);
  EXPECT_THAT(derived.busy_share, Optional(1.0));
  EXPECT_THAT(derived.rwnd_limited_share, Optional(1.0));
  EXPECT_THAT(derived.limited, Optional(Limit::kReceiver));
}

TEST(Derive, NamesNoLimitWithoutAllThatWouldDecideIt) {
  const FieldValues before = Values({{Field::kBusyTime, 0}, {Field::kSndbufLimited, 0}});
  const FieldValues now = Values({{Field::kBusyTime, kSecondUs}, {Field::kSndbufLimited, 0}});
  const Derived derived = Derive(before, now, kSecondNs);
  EXPECT_THAT(derived.busy_share, Optional(1.0));
  EXPECT_EQ(derived.limited, std::nullopt);
}

TEST(DeriveFromTotals, JudgesTheWholeLife) {
  const Derived derived = DeriveFromTotals(Values({{Field::kBusyTime, 10 * kSecondUs},
                                                   {Field::kRwndLimited, 6 * kSecondUs},
                                                   {Field::kSndbufLimited, kSecondUs},
                                                   {Field::kTotalRetrans, 1},
                                                   {Field::kDataSegsOut, 200}}));
  EXPECT_THAT(derived.rwnd_limited_share, Optional(DoubleNear(0.6, 1e-9)));
  EXPECT_THAT(derived.sndbuf_limited_share, Optional(DoubleNear(0.1, 1e-9)));
  EXPECT_THAT(derived.retrans_share, Optional(DoubleNear(0.005, 1e-9)));
  EXPECT_THAT(derived.limited, Optional(Limit::kReceiver));
  EXPECT_EQ(derived.send_rate, std::nullopt);
  EXPECT_EQ(derived.busy_share, std::nullopt);
}

TEST(DeriveFromTotals, TellsLossesFromAFullWindow) {
  FieldValues values =
      Values({{Field::kBusyTime, kSecondUs}, {Field::kRwndLimited, 0}, {Field::kSndbufLimited, 0}});
  EXPECT_THAT(DeriveFromTotals(values).limited, Optional(Limit::kCongestionWindow));
  values.Set(Field::kTotalRetrans, 3);
  EXPECT_THAT(DeriveFromTotals(values).limited, Optional(Limit::kNetwork));
}

TEST(DeriveFromTotals, KnowsNothingOfAConnectionThatNeverSent) {
  EXPECT_EQ(DeriveFromTotals(Values({{Field::kBusyTime, 0},
                                     {Field::kRwndLimited, 0},
                                     {Field::kSndbufLimited, 0},
                                     {Field::kTotalRetrans, 0},
                                     {Field::kDataSegsOut, 0}})),
            Derived());
}

TEST(LimitName, IsReadBack) {
  for (const Limit limit : {Limit::kApplication, Limit::kReceiver, Limit::kSendBuffer,
                            Limit::kCongestionWindow, Limit::kNetwork}) {
    EXPECT_EQ(ParseLimit(LimitName(limit)), limit);
  }
  EXPECT_EQ(ParseLimit("rwnd"), std::nullopt);
}

}  // namespace
}  // namespace tcpfleet::sockets
