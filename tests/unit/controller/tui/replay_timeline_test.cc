#include "controller/tui/replay_timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "controller/record/recorder.h"
#include "tests/unit/controller/fleet/fakes.h"
#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

RecorderOptions RecorderAt(const std::string& path) {
  RecorderOptions options;
  options.path = path;
  options.overwrite = true;
  return options;
}

constexpr int64_t kSecondNs = 1'000'000'000;

class ReplayTimelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = directory_->path() + "/run.tfr";
    auto recorder =
        Recorder::Create(RecorderAt(path), absl::FromUnixNanos(tests::FleetStory::kBeginUnixNs));
    ASSERT_TRUE(recorder.ok()) << recorder.status();
    tests::FleetStory story({});
    for (int second = 0; second < 20; ++second) {
      for (const v1::RecordingEntry& entry : story.NextSecond()) {
        ASSERT_TRUE((*recorder)->Append(entry).ok());
      }
    }
    ASSERT_TRUE((*recorder)->Finish().ok());
    auto feed = ReplayFeed::Open(path, {}, clock_);
    ASSERT_TRUE(feed.ok()) << feed.status();
    feed_ = *std::move(feed);
    timeline_.emplace(*feed_, clock_);
  }
  // Plays for so long on the fake clock.
  void Play(int64_t ns) {
    const int64_t end_ns = clock_.now_ns + ns;
    while (clock_.now_ns < end_ns) {
      if (!timeline_->Advance(absl::Milliseconds(20), {}) && clock_.now_ns < end_ns) {
        clock_.now_ns += 1'000'000;
      }
    }
  }
  uint64_t Poll() const { return timeline_->table().hosts()[0].poll_sequence; }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-tui");
  FakeClock clock_;
  std::unique_ptr<ReplayFeed> feed_;
  std::optional<ReplayTimeline> timeline_;
};

TEST_F(ReplayTimelineTest, PlaysAtItsSpeed) {
  Play(3 * kSecondNs + kSecondNs / 2);
  EXPECT_EQ(timeline_->moment().mode, Moment::Mode::kReplay);
  EXPECT_EQ(Poll(), 103);
  timeline_->ChangeSpeed(true);
  EXPECT_EQ(timeline_->moment().speed, 2);
  Play(2 * kSecondNs);
  EXPECT_EQ(Poll(), 107);
  timeline_->ChangeSpeed(false);
  timeline_->ChangeSpeed(false);
  EXPECT_EQ(timeline_->moment().speed, 0.5);
}

TEST_F(ReplayTimelineTest, PausesAndGoesOn) {
  Play(2 * kSecondNs);
  timeline_->Pause();
  EXPECT_EQ(timeline_->moment().mode, Moment::Mode::kPaused);
  const uint64_t poll = Poll();
  Play(3 * kSecondNs);
  EXPECT_EQ(Poll(), poll);
  timeline_->Pause();
  Play(2 * kSecondNs);
  EXPECT_GT(Poll(), poll);
}

TEST_F(ReplayTimelineTest, SeeksBothWaysAlsoWhilePaused) {
  Play(kSecondNs / 2);
  timeline_->Pause();
  timeline_->Step(absl::Seconds(10));
  EXPECT_EQ(Poll(), 110);
  timeline_->Step(-absl::Seconds(4));
  EXPECT_EQ(Poll(), 106);
  EXPECT_EQ(timeline_->moment().mode, Moment::Mode::kPaused);
  EXPECT_EQ(timeline_->table().hosts().size(), 4);
}

TEST_F(ReplayTimelineTest, EndsAndComesBack) {
  timeline_->ToEnd();
  Play(kSecondNs);
  EXPECT_EQ(timeline_->moment().mode, Moment::Mode::kEnded);
  EXPECT_EQ(Poll(), 119);
  timeline_->Step(-absl::Seconds(10));
  EXPECT_EQ(timeline_->moment().mode, Moment::Mode::kReplay);
  EXPECT_LT(Poll(), 112);
}

TEST_F(ReplayTimelineTest, ChangesSpeedWithinBounds) {
  for (int i = 0; i < 30; ++i) timeline_->ChangeSpeed(true);
  EXPECT_EQ(timeline_->moment().speed, kUnpacedReplay);
  for (int i = 0; i < 30; ++i) timeline_->ChangeSpeed(false);
  EXPECT_EQ(timeline_->moment().speed, kSlowestReplay);
}

TEST(DamageText, NamesThePlace) {
  RecordingCondition condition;
  EXPECT_EQ(DamageText(condition), "");
  condition.notes = {"run.tfr, byte 17: 40 bytes are not readable"};
  condition.losses = 1;
  EXPECT_EQ(DamageText(condition), "DAMAGED: run.tfr, byte 17: 40 bytes are not readable");
}

}  // namespace
}  // namespace tcpfleet::controller
