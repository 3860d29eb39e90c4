#include "common/sockets/field_values.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/common/sockets/samples.h"

namespace tcpfleet::sockets {
namespace {

TEST(FieldValues, KeepEveryFieldApartFromTheOthers) {
  for (const FieldInfo& info : AllFields()) {
    FieldValues values;
    values.Set(info.field, UINT64_MAX);
    EXPECT_EQ(values.Get(info.field), kFieldPlaces[SlotOf(info.field)].mask) << info.name;
    for (const FieldInfo& other : AllFields()) {
      if (other.field == info.field) continue;
      EXPECT_FALSE(values.Has(other.field)) << info.name << " " << other.name;
      EXPECT_EQ(values.Get(other.field), 0u) << info.name << " " << other.name;
    }
    values.Erase(info.field);
    EXPECT_EQ(values, FieldValues()) << info.name;
  }
}

TEST(FieldValues, HaveRoomForTheWidthOfEveryCounter) {
  for (const FieldInfo& info : AllFields()) {
    if (info.kind != FieldKind::kCounter) continue;
    EXPECT_EQ(kFieldPlaces[SlotOf(info.field)].mask, ~uint64_t{0} >> (64 - info.bits)) << info.name;
  }
}

TEST(FieldValues, LoseTheBitsAFieldHasNoRoomFor) {
  FieldValues values;
  values.Set(Field::kRtt, (uint64_t{7} << 32) + 5);
  values.Set(Field::kSndWscale, 0x1f);
  EXPECT_EQ(values.Get(Field::kRtt), 5u);
  EXPECT_EQ(values.Get(Field::kSndWscale), 0xfu);
  EXPECT_EQ(values.Get(Field::kRcvWscale), 0u);
}

TEST(FieldValues, TellExactlyWhichFieldsDiffer) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 100; ++round) {
    const ConnectionSample before = RandomSample(random, 1);
    ConnectionSample now = before;
    Disturb(random, now);
    const FieldMask different = Differences(before.values, now.values);
    for (const FieldInfo& info : AllFields()) {
      EXPECT_EQ(different[SlotOf(info.field)],
                before.values.Find(info.field) != now.values.Find(info.field))
          << info.name;
    }
  }
}

TEST(FieldValues, TakeJitterOfMomentsForNoChange) {
  FieldValues before, now;
  before.Set(Field::kLastAckRecvAtMs, 1000);
  before.Set(Field::kLastDataSentAtMs, 1000);
  now.Set(Field::kLastAckRecvAtMs, 970);
  now.Set(Field::kLastDataSentAtMs, 1031);
  now.Set(Field::kLastDataRecvAtMs, 5);
  SteadyMoments(before, now);
  EXPECT_EQ(now.Get(Field::kLastAckRecvAtMs), 1000u);
  EXPECT_EQ(now.Get(Field::kLastDataSentAtMs), 1031u);
  EXPECT_EQ(now.Get(Field::kLastDataRecvAtMs), 5u);
}

}  // namespace
}  // namespace tcpfleet::sockets
