#include "controller/record/replay_feed.h"

#include <filesystem>

#include "tests/unit/controller/fleet/fakes.h"
#include "tests/unit/controller/record/scripted_fleet.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

class ReplayFeedTest : public RecordTest {
 protected:
  std::unique_ptr<ReplayFeed> OpenFeed(const ReplayOptions& options = {}) {
    auto feed = ReplayFeed::Open(path_, options, clock_);
    EXPECT_THAT(feed, IsOk());
    return *std::move(feed);
  }
  // Everything that comes without the clock going on by more than `time`.
  std::vector<v1::RecordingEntry> Take(ReplayFeed& feed, absl::Duration time) {
    std::vector<v1::RecordingEntry> entries;
    const int64_t until_ns = clock_.now_ns + absl::ToInt64Nanoseconds(time);
    while (!feed.ended()) {
      auto entry = feed.Next(absl::Nanoseconds(until_ns - clock_.now_ns), {});
      if (!entry) break;
      entries.push_back(*std::move(entry));
    }
    return entries;
  }

  FakeClock clock_;
  const std::vector<v1::RecordingEntry> entries_ = ScriptedEntries(130);
};

TEST_F(ReplayFeedTest, GivesEveryEntryBitForBitAndWhenItIsDue) {
  Record(entries_);
  const auto feed = OpenFeed();
  EXPECT_EQ(feed->begin_unix_ns(), kBegin);
  EXPECT_EQ(feed->end_unix_ns(), kBegin + 129 * kSecond);
  std::vector<v1::RecordingEntry> given;
  while (!feed->ended()) {
    std::optional<v1::RecordingEntry> entry = feed->Next(absl::Seconds(1), {});
    if (!entry) continue;
    EXPECT_EQ(clock_.now_ns, static_cast<int64_t>(entry->unix_ns()) - kBegin);
    given.push_back(*std::move(entry));
  }
  EXPECT_THAT(feed->status(), IsOk());
  EXPECT_THAT(Serialized(given), ElementsAreArray(Serialized(entries_)));
}

TEST_F(ReplayFeedTest, PlaysFasterAndSlower) {
  Record(entries_);
  const auto feed = OpenFeed({.from = {}, .to = {}, .at = {}, .speed = 10});
  EXPECT_EQ(Take(*feed, absl::Seconds(2)).size(), ScriptedEntries(21).size());
  EXPECT_EQ(feed->position_unix_ns(), kBegin + 20 * kSecond);
  feed->SetSpeed(0.5);
  EXPECT_EQ(Take(*feed, absl::Seconds(10)).size(), 10u);
  EXPECT_EQ(feed->position_unix_ns(), kBegin + 25 * kSecond);
  feed->SetSpeed(kUnpacedReplay);
  Take(*feed, absl::ZeroDuration());
  EXPECT_TRUE(feed->ended());
  EXPECT_EQ(feed->position_unix_ns(), kBegin + 129 * kSecond);
}

TEST_F(ReplayFeedTest, StandsStillWhilePaused) {
  Record(entries_);
  const auto feed = OpenFeed();
  Take(*feed, absl::Seconds(3));
  feed->Pause();
  EXPECT_TRUE(Take(*feed, absl::Hours(1)).empty());
  EXPECT_EQ(feed->position_unix_ns(), kBegin + 3 * kSecond);
  feed->Resume();
  EXPECT_EQ(Take(*feed, absl::Seconds(1)).size(), 2u);
}

TEST_F(ReplayFeedTest, ShowsTheSameWhereverItGoes) {
  for (const bool rotated : {false, true}) {
    const RecorderOptions options{
        .path = path_,
        .overwrite = true,
        .rotate_every = rotated ? absl::Seconds(7) : absl::InfiniteDuration(),
        .header = {}};
    std::filesystem::remove(path_);
    Record(entries_, options);
    const auto feed = OpenFeed();
    feed->Pause();
    for (const int second : {100, 3, 0, 129, 6, 61, 60, 59, 8, 7}) {
      feed->Seek(kBegin + second * kSecond);
      EXPECT_EQ(feed->position_unix_ns(), kBegin + second * kSecond);
      EXPECT_EQ(PictureOf(Take(*feed, absl::ZeroDuration())),
                PictureOf(entries_, kBegin + second * kSecond))
          << second << (rotated ? " rotated" : "");
    }
  }
}

TEST_F(ReplayFeedTest, GoesOnAsRecordedAfterASeek) {
  Record(entries_);
  const auto feed = OpenFeed({.from = {}, .to = {}, .at = ReplayTime{true, 90 * kSecond}});
  std::vector<v1::RecordingEntry> given = Take(*feed, absl::Hours(1));
  const std::vector<std::string> all = Serialized(entries_);
  const std::vector<std::string> tail = Serialized({given.end() - 80, given.end()});
  EXPECT_THAT(tail, ElementsAreArray(all.end() - 80, all.end()));
}

TEST_F(ReplayFeedTest, StaysBetweenFromAndTo) {
  Record(entries_);
  const auto feed = OpenFeed({.from = ReplayTime{true, 20 * kSecond},
                              .to = ReplayTime{false, kBegin + 30 * kSecond},
                              .at = {}});
  EXPECT_EQ(feed->position_unix_ns(), kBegin + 20 * kSecond);
  EXPECT_EQ(PictureOf(Take(*feed, absl::Hours(1))), PictureOf(entries_, kBegin + 30 * kSecond));
  EXPECT_TRUE(feed->ended());
  feed->Seek(kBegin);
  EXPECT_EQ(feed->position_unix_ns(), kBegin + 20 * kSecond);
  EXPECT_FALSE(feed->ended());
}

TEST_F(ReplayFeedTest, SaysWhenThereIsSomething) {
  Record(entries_);
  const ReplayOptions later{.from = ReplayTime{true, 3600 * kSecond}, .to = {}, .at = {}};
  EXPECT_EQ(
      ReplayFeed::Open(path_, later, clock_).status(),
      absl::OutOfRangeError(path_ + ": nothing is recorded then, only from "
                                    "2023-11-14T22:13:20+00:00 to 2023-11-14T22:15:29+00:00"));
}

TEST_F(ReplayFeedTest, StopsWaitingWhenAskedTo) {
  Record(entries_);
  const auto feed = OpenFeed();
  Take(*feed, absl::ZeroDuration());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(feed->Next(absl::Hours(1), stop.get_token()), std::nullopt);
}

TEST_F(ReplayFeedTest, ShowsWhatIsWholeOfADamagedRecording) {
  Record(entries_);
  std::string bytes = sys::ReadFile(path_).value();
  for (size_t i = 3000; i < 3200; ++i) bytes[i] = '\0';
  ASSERT_THAT(sys::WriteFile(path_, bytes), IsOk());
  const auto feed = OpenFeed();
  EXPECT_EQ(PictureOf(Take(*feed, absl::Hours(1))), PictureOf(entries_));
  EXPECT_EQ(feed->condition().losses, 1u);
  feed->Seek(kBegin);
  Take(*feed, absl::Hours(1));
  EXPECT_EQ(feed->condition().losses, 1u) << "counted again";
}

}  // namespace
}  // namespace tcpfleet::controller
