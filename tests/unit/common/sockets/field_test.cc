#include "common/sockets/field.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/sockets/state_names.h"

namespace tcpfleet::sockets {
namespace {

TEST(Field, IsFoundByNumberAndName) {
  for (const FieldInfo& info : AllFields()) {
    EXPECT_EQ(FindField(static_cast<uint32_t>(info.field)), &info);
    EXPECT_EQ(FindField(info.name), &info) << info.name;
    EXPECT_LT(SlotOf(info.field), kFieldSlots);
  }
  EXPECT_EQ(FindField("no_such_field"), nullptr);
  EXPECT_EQ(FindField(0u), nullptr);
  EXPECT_EQ(FindField(12u), nullptr);
  EXPECT_EQ(FindField(4'000'000'000u), nullptr);
}

TEST(Field, NumbersAscendAndNamesDiffer) {
  std::set<std::string> names;
  size_t last = 0;
  for (const FieldInfo& info : AllFields()) {
    EXPECT_GT(SlotOf(info.field), last);
    last = SlotOf(info.field);
    EXPECT_TRUE(names.insert(std::string(info.name)).second) << info.name;
  }
  EXPECT_EQ(names.size(), 106u);
}

// Numbers are on the wire and in recordings: some of all parts of the table, so that a shift shows.
TEST(Field, KeepsItsNumbers) {
  EXPECT_EQ(FindField("state")->field, static_cast<Field>(1));
  EXPECT_EQ(FindField("rtt")->field, static_cast<Field>(44));
  EXPECT_EQ(FindField("total_retrans")->field, static_cast<Field>(52));
  EXPECT_EQ(FindField("bytes_sent")->field, static_cast<Field>(69));
  EXPECT_EQ(FindField("accecn_opt_seen")->field, static_cast<Field>(88));
}

TEST(StateNames, AreThoseOfSs) {
  EXPECT_EQ(StateName(1), "ESTAB");
  EXPECT_EQ(StateName(10), "LISTEN");
  EXPECT_EQ(StateName(0), "UNKNOWN");
  EXPECT_EQ(StateName(99), "UNKNOWN");
  EXPECT_EQ(LongStateName(4), "fin-wait-1");
}

TEST(StateNames, AreReadInBothFormsAndAnyCase) {
  for (uint8_t state = 1; state <= 11; ++state) {
    EXPECT_EQ(ParseState(StateName(state)), static_cast<TcpState>(state));
    EXPECT_EQ(ParseState(LongStateName(state)), static_cast<TcpState>(state));
  }
  EXPECT_EQ(ParseState("Syn-Sent"), TcpState::kSynSent);
  EXPECT_EQ(ParseState("unknown"), std::nullopt);
}

TEST(StateNames, KnowTheGroupsOfSs) {
  EXPECT_EQ(ParseStateGroup("all"), 0xffeu);
  EXPECT_EQ(ParseStateGroup("connected"), 0xffeu & ~(1u << 7) & ~(1u << 10));
  EXPECT_EQ(ParseStateGroup("synchronized"), 0xffeu & ~(1u << 7) & ~(1u << 10) & ~(1u << 2));
  EXPECT_EQ(ParseStateGroup("bucket"), (1u << 3) | (1u << 6));
  EXPECT_EQ(ParseStateGroup("big"), 0xffeu & ~((1u << 3) | (1u << 6)));
  EXPECT_EQ(ParseStateGroup("closed"), 1u << 7);
  EXPECT_EQ(ParseStateGroup("estab1"), std::nullopt);
}

}  // namespace
}  // namespace tcpfleet::sockets
