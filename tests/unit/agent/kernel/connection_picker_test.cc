#include "agent/kernel/connection_picker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/sockets/frame_decoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/kernel/diag_sockets.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using tests::IsOk;
using tests::StatusIs;

constexpr int64_t kNow = 5'000'000'000'000;

ConnectionPicker PickerOf(const std::string& filter, uint32_t most = 0) {
  v1::ConnectionPick pick;
  pick.set_filter(filter);
  pick.set_most(most);
  return ConnectionPicker::New(pick).value();
}

void Take(ConnectionPicker& picker, uint64_t cookie, uint32_t rest_ms) {
  picker.Take(*RestingSocket(cookie, rest_ms, rest_ms), 4026531840, kNow);
}

struct Answer {
  std::set<uint64_t> cookies;
  v1::Completeness completeness;
};
Answer Finish(ConnectionPicker& picker, const ConnectionPicker::ProcessOf& process_of = nullptr) {
  Answer answer;
  const auto frames = picker.Finish({.monotonic_ns = kNow, .torn = 2, .gap = true}, process_of);
  answer.completeness = frames.at(0).completeness();
  for (const v1::ConnectionFrame& frame : frames) {
    sockets::FrameDecoder decoder;
    EXPECT_THAT(decoder.Apply(frame), IsOk());
    for (const auto& [row, sample] : decoder.rows()) answer.cookies.insert(sample.identity.cookie);
  }
  return answer;
}

TEST(ConnectionPicker, PicksWhatMatches) {
  ConnectionPicker picker = PickerOf("state established last_data_recv > 30s");
  Take(picker, 1, 40'000);
  Take(picker, 2, 20'000);
  RestingSocket closing(3, 40'000, 40'000);
  (*closing).state = 8;  // CLOSE-WAIT
  picker.Take(*closing, 4026531840, kNow);
  RestingSocket without(4, 40'000, 40'000);
  (*without).tcp_info = {};
  picker.Take(*without, 4026531840, kNow);
  EXPECT_THAT(picker.Inodes(), ElementsAre(1));
  const Answer answer = Finish(picker);
  EXPECT_THAT(answer.cookies, ElementsAre(1));
  EXPECT_EQ(answer.completeness.seen(), 1u);
  EXPECT_EQ(answer.completeness.dropped(), 0u);
  EXPECT_EQ(answer.completeness.torn(), 2u);
  EXPECT_TRUE(answer.completeness.gap());
}

TEST(ConnectionPicker, SendsAFrameWhenNothingMatches) {
  ConnectionPicker picker = PickerOf("state established");
  EXPECT_THAT(picker.Finish({}, nullptr), SizeIs(1));
}

TEST(ConnectionPicker, PicksTheSameOfManyInAnyOrder) {
  ConnectionPicker up = PickerOf("state established", 50);
  ConnectionPicker down = PickerOf("state established", 50);
  for (uint64_t cookie = 1; cookie <= 2'000; ++cookie) {
    Take(up, cookie, 0);
    Take(down, 2'001 - cookie, 0);
  }
  Take(down, 5'000, 0);  // a newcomer takes the place of one at most
  const Answer first = Finish(up);
  const Answer second = Finish(down);
  EXPECT_THAT(first.cookies, SizeIs(50));
  EXPECT_THAT(second.cookies, SizeIs(50));
  std::set<uint64_t> both;
  std::set_intersection(first.cookies.begin(), first.cookies.end(), second.cookies.begin(),
                        second.cookies.end(), std::inserter(both, both.end()));
  EXPECT_GE(both.size(), 49u);
  // 1,950, give or take what 50 evenly spread numbers may be off by.
  EXPECT_GT(first.completeness.dropped(), 900u);
  EXPECT_LT(first.completeness.dropped(), 4'000u);
}

TEST(ConnectionPicker, LeavesOutNothingUpToItsBound) {
  ConnectionPicker picker = PickerOf("state established", 50);
  for (uint64_t cookie = 1; cookie <= 50; ++cookie) Take(picker, cookie, 0);
  EXPECT_EQ(Finish(picker).completeness.dropped(), 0u);
  ConnectionPicker one_more = PickerOf("state established", 50);
  for (uint64_t cookie = 1; cookie <= 51; ++cookie) Take(one_more, cookie, 0);
  const Answer answer = Finish(one_more);
  EXPECT_THAT(answer.cookies, SizeIs(50));
  EXPECT_GE(answer.completeness.dropped(), 1u);
}

TEST(ConnectionPicker, CountsThoseWithoutKnownOwner) {
  ConnectionPicker picker = PickerOf("state established");
  Take(picker, 1, 0);
  Take(picker, 2, 0);
  const auto process = std::make_shared<sockets::Process>();
  const Answer answer =
      Finish(picker, [&](uint32_t inode) { return inode == 1 ? process : nullptr; });
  EXPECT_EQ(answer.completeness.unattributed(), 1u);
}

TEST(ConnectionPicker, NamesTheFieldItRefuses) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  v1::ConnectionPick pick;
  pick.set_most(100'001);
  EXPECT_THAT(ConnectionPicker::New(pick).status(), StatusIs(kInvalid, HasSubstr("pick.most")));
  pick.set_most(0);
  pick.set_filter("process = nginx");
  EXPECT_THAT(ConnectionPicker::New(pick).status(), StatusIs(kInvalid, HasSubstr("pick.filter")));
  pick.set_filter("state nonsense");
  EXPECT_THAT(ConnectionPicker::New(pick).status(), StatusIs(kInvalid, HasSubstr("nonsense")));
  pick.set_filter("");
  pick.add_field_ids(9'999);
  EXPECT_THAT(ConnectionPicker::New(pick).status(), StatusIs(kInvalid, HasSubstr("9999")));
}

}  // namespace
}  // namespace tcpfleet::agent
